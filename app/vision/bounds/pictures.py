"""What decoding the picture of an AVIF or HEIC makes a decoder do, told from its structure."""

from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace

from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat
from app.vision.bounds.isobmff import CODED, Box, File, Item

_ALPHA = (
    b"urn:mpeg:avc:2015:auxid:1",
    b"urn:mpeg:hevc:2015:auxid:1",
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
)
_LONGEST_NAME = 64
_DEEPEST = 8
_MOST_UNITS = 20_000
"""Of all items together; a tile has about four."""
_MOST_EDGES = 1_000_000
"""Pixels at the edges of tiles that are cut off, and what it takes to begin with tiles."""
_FREE_PIXELS = 16_000_000
"""May be decoded for a small picture, too."""
_MOST_WORK = 90_000_000
"""Pixels of an even colour, which take about 1.3 s, and up to 2 s if they are no picture at all."""
_TURN_PIXELS = 0.25
"""What it takes to turn a pixel, in pixels that could be decoded instead."""
_MOST_METADATA_BYTES = 8_000_000
_ITEM_PIXELS = 10_000
"""What it takes to begin with an item, in the pixels that could be decoded instead."""
_MOST_OVER_DECLARED = 2
_EDGE_PIXELS = 64 * 64
_TURNS = (b"irot", b"imir", b"clap")


@dataclass(frozen=True)
class Coded:
    """What one item of coded pixels holds."""

    pixels: int = 0
    """Of its largest frame."""
    passes: int = 1
    """How many frames of that size are gone over."""
    frame_bytes: float = 0
    """Memory that its frames take in the decoder."""
    units: int = 0


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
        return replace(
            self,
            pixels=self.pixels * count,
            bytes=self.bytes * count,
            frame_bytes=self.frame_bytes * count,
        )


Measure = Callable[[Item, int], Coded]
"""Measures a coded item; stops behind so many units."""


@dataclass
class Pictures:
    """Costs of the items of a file."""

    file: File
    name: str
    """Of the format, for messages."""
    measure: Measure
    turns: bool
    """Whether the decoder turns, mirrors and cuts pixels itself, as often as an item asks for."""
    _costs: dict[int, Cost] = field(default_factory=dict)
    _coded: dict[tuple[object, ...], Coded] = field(default_factory=dict)
    _units_left: int = _MOST_UNITS
    _alphas: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, item in self.file.items.items():
            if _is_alpha(self.file, item):
                for master in item.masters.get(b"auxl", ()):
                    self._alphas.setdefault(master, []).append(number)

    def decoded(self) -> Cost:
        """Cost of the item that a decoder takes for the picture.

        That is the primary item. If there is none, or it is hidden or belongs to another one,
        decoders take any other: then it is the most that one of them costs.
        """
        items = self.file.items
        primary = items.get(self.file.primary) if self.file.primary is not None else None
        plain = primary is not None and not (
            primary.hidden or primary.masters.keys() & {b"auxl", b"thmb"}
        )
        if plain and self.file.primary is not None:
            return self.cost(self.file.primary)
        costs = [self.cost(number) for number, item in items.items() if _is_picture(item)]
        return max(costs, key=lambda cost: cost.pixels, default=Cost())

    def cost(self, number: int, depth: int = 0) -> Cost:
        """Cost of decoding an item with all that it is made of.

        Raises InvalidImage or InvalidImageFormat.
        """
        known = self._costs.get(number)
        if known is not None:
            return known
        if depth > _DEEPEST:
            raise InvalidImage(
                f"The {self.name} is made of pictures in pictures, deeper than is read here."
            )
        item = self.file.items[number]
        cost = self._own(item)
        for part in self._alphas.get(number, ()):
            cost += self.cost(part, depth + 1)
        for part, count in item.inputs.items():
            cost += self.cost(part, depth + 1).times(count)
        self._costs[number] = cost
        return cost

    def _own(self, item: Item) -> Cost:
        declared = _declared_pixels(self.file, item)
        turned = 0.0
        if self.turns:
            turns = sum(box.kind in _TURNS for box in item.properties)
            turned = turns * declared * _TURN_PIXELS
        if item.kind == b"iovl":
            raise InvalidImageFormat(
                f"The picture of this {self.name} is an overlay ('iovl') of other pictures, which"
                " is not decoded here. Save it as a single picture, for example as JPEG."
            )
        if item.kind == b"grid":
            declared = max(declared, _grid_pixels(self.file.content(item)))
        if item.kind not in CODED:
            return Cost(turned + _ITEM_PIXELS, item.size, 0, declared, declared)
        if not item.readable:
            raise InvalidImage(
                f"The {self.name} keeps pixels in a way that is not read here. Save it again."
            )
        key = (tuple(item.extents), *((box.start, box.kind) for box in item.properties))
        coded = self._coded.get(key)
        if coded is None:
            coded = self._coded[key] = self.measure(item, self._units_left)
            self._units_left -= coded.units
        if self._units_left < 0:
            raise InvalidImage(
                f"The {self.name} is cut into more units than are read here ({_MOST_UNITS})."
            )
        if coded.pixels > _MOST_OVER_DECLARED * declared + _EDGE_PIXELS:
            raise InvalidImage(
                f"The {self.name} holds frames that are larger than the size that it declares."
            )
        pixels = max(coded.pixels, declared)
        work = pixels * max(1, coded.passes) + turned + _ITEM_PIXELS
        return Cost(work, item.size, coded.frame_bytes, pixels, declared)


def check(cost: Cost, name: str, layers: int, byte_pixels: int, max_pixels: int) -> None:
    """Raises ImageTooLarge.

    ``layers``: how often all pixels of the picture may be gone over. ``byte_pixels``: a coded
    byte takes as long to decode as so many pixels of an even colour.
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
    work = cost.pixels + byte_pixels * cost.bytes
    if work > max(_MOST_WORK, layers * cost.largest):
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


def property_of(item: Item, kind: bytes) -> Box | None:
    return next((box for box in item.properties if box.kind == kind), None)


def _is_picture(item: Item) -> bool:
    return item.kind in CODED or bool(item.inputs)


def _is_alpha(file: File, item: Item) -> bool:
    box = property_of(item, b"auxC")
    if box is None:
        return False
    start = box.start + 4
    return bytes(file.data[start : min(start + _LONGEST_NAME, box.end)]).startswith(_ALPHA)


def _declared_pixels(file: File, item: Item) -> int:
    """Of `ispe`; the largest if there are several."""
    found = 0
    for box in item.properties:
        if box.kind == b"ispe":
            width = int.from_bytes(file.data[box.start + 4 : box.start + 8], "big")
            height = int.from_bytes(file.data[box.start + 8 : box.start + 12], "big")
            found = max(found, width * height)
    return found


def _grid_pixels(content: memoryview) -> int:
    """Of the picture that a grid is put together to."""
    long = 4 if len(content) > 1 and content[1] & 1 else 2
    width = int.from_bytes(content[4 : 4 + long], "big")
    return width * int.from_bytes(content[4 + long : 4 + 2 * long], "big")
