"""Cost of decoding a file, and its limits."""

from dataclasses import astuple, dataclass

from app.errors import ImageTooLarge, InvalidImage

_MOST_EDGES = 1_000_000
"""Pixels at the edges of tiles that are cut off, and what it takes to begin with tiles."""
_FREE_PIXELS = 16_000_000
"""May be decoded for a small picture, too."""
_MOST_WORK = 90_000_000
"""Pixels of an even colour, which take about 1.3 s, and up to 2 s if they are no picture at all."""
_MOST_METADATA_BYTES = 8_000_000


@dataclass(frozen=True)
class Cost:
    pixels: float = 0
    """Gone over, those of each item as often as it is referenced."""
    bytes: int = 0
    """Coded, counted in the same way."""
    frame_bytes: float = 0
    """Memory for decoded frames if all are held."""
    largest: int = 0
    """Pixels of the largest canvas or frame."""
    declared: int = 0
    """Pixels of the largest size that an item declares; frames may be somewhat larger."""

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.pixels + other.pixels,
            self.bytes + other.bytes,
            self.frame_bytes + other.frame_bytes,
            max(self.largest, other.largest),
            max(self.declared, other.declared),
        )

    def larger(self, other: "Cost") -> "Cost":
        """The larger of each figure."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Cost(*(max(pair) for pair in pairs))

    def times(self, count: int) -> "Cost":
        sums = self.pixels * count, self.bytes * count, self.frame_bytes * count
        return Cost(*sums, self.largest, self.declared)


def check(
    cost: Cost, name: str, max_pixels: int, *, layers: int, byte_pixels: int, work: int
) -> None:
    """Raises ImageTooLarge.

    ``layers``: how often all pixels of the picture may be gone over. ``byte_pixels``: a coded
    byte takes as long to decode as so many pixels of an even colour. ``work``: how many such
    pixels may be decoded for each pixel of the picture.
    """
    if cost.declared > max_pixels:
        raise ImageTooLarge(
            f"The {name} has a picture of {cost.declared} pixels and at most {max_pixels} are"
            " allowed. Send a smaller one."
        )
    allowed = max(layers * cost.largest + _MOST_EDGES, _FREE_PIXELS)
    if cost.pixels > allowed:
        raise ImageTooLarge(
            f"To decode the {name}, {cost.pixels:.0f} pixels in all its frames and tiles would"
            f" have to be gone over, and at most {allowed} are for its size. Save it again as a"
            " single picture, for example as JPEG."
        )
    if cost.pixels + byte_pixels * cost.bytes > max(_MOST_WORK, work * cost.largest):
        raise ImageTooLarge(
            f"To decode the {name}, {cost.bytes} coded bytes of {cost.pixels:.0f} pixels would have"
            " to be gone over, which takes too long. Save it with a lower quality, or as JPEG."
        )


def check_metadata(name: str, size: int) -> None:
    """``size``: bytes that are copied when the file is opened. Raises InvalidImage."""
    if size > _MOST_METADATA_BYTES:
        raise InvalidImage(
            f"The {name} has {size} bytes of metadata and colour profiles, counted for each of its"
            f" pictures, and at most {_MOST_METADATA_BYTES} are read here. Save it without them."
        )
