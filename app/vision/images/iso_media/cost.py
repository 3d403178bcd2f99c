"""Cost of decoding a file, and its limits."""

from dataclasses import astuple, dataclass

from app.errors import ImageTooLarge, InvalidImage

_MOST_EDGES = 1_000_000
"""Allowance for cropped pixels at the edges of tiles, and for the overhead of each tile."""
_FREE_PIXELS = 16_000_000
"""Always allowed, even for a small picture."""
_MOST_WORK = 90_000_000
"""Pixels of a plain colour; takes about 1.3 s, and up to 2 s for data that is not a picture."""
_MOST_METADATA_BYTES = 8_000_000


@dataclass(frozen=True)
class Cost:
    pixels: float = 0
    """Pixels processed; those of an item count once for each reference to it."""
    bytes: int = 0
    """Coded bytes, counted in the same way."""
    frame_bytes: float = 0
    """Memory for decoded frames if all of them are held."""
    largest: int = 0
    """Pixels of the largest canvas or frame."""
    declared: int = 0
    """Pixels of the largest size declared by an item; frames may be somewhat larger."""

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.pixels + other.pixels,
            self.bytes + other.bytes,
            self.frame_bytes + other.frame_bytes,
            max(self.largest, other.largest),
            max(self.declared, other.declared),
        )

    def larger(self, other: "Cost") -> "Cost":
        """The maximum of each figure."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Cost(*(max(pair) for pair in pairs))

    def times(self, count: int) -> "Cost":
        sums = self.pixels * count, self.bytes * count, self.frame_bytes * count
        return Cost(*sums, self.largest, self.declared)


def check(
    cost: Cost, name: str, max_pixels: int, *, layers: int, byte_pixels: int, work: int
) -> None:
    """Raises ImageTooLarge.

    ``layers`` is how often all pixels of the picture may be processed. ``byte_pixels`` is the time
    to decode a coded byte, in pixels of a plain colour. ``work`` is the number of such pixels that
    may be decoded for each pixel of the picture.
    """
    if cost.declared > max_pixels:
        raise ImageTooLarge(
            f"The {name} has a picture of {cost.declared} pixels, and at most {max_pixels} are"
            " allowed. Send a smaller one."
        )
    allowed = max(layers * cost.largest + _MOST_EDGES, _FREE_PIXELS)
    if cost.pixels > allowed:
        raise ImageTooLarge(
            f"Decoding the {name} would process {cost.pixels:.0f} pixels in all its frames and"
            f" tiles, and at most {allowed} are allowed for its size. Save it again as a"
            " single picture, for example as JPEG."
        )
    if cost.pixels + byte_pixels * cost.bytes > max(_MOST_WORK, work * cost.largest):
        raise ImageTooLarge(
            f"Decoding the {name} would process {cost.bytes} coded bytes of {cost.pixels:.0f}"
            " pixels, which takes too long. Save it with a lower quality, or as JPEG."
        )


def check_metadata(name: str, size: int) -> None:
    """Checks ``size``, the bytes that are copied when the file is opened. Raises InvalidImage."""
    if size > _MOST_METADATA_BYTES:
        raise InvalidImage(
            f"The {name} has {size} bytes of metadata and colour profiles, counted for each of its"
            f" pictures, and at most {_MOST_METADATA_BYTES} are allowed. Save it without them."
        )
