"""Cost of each item of an AVIF or HEIC, determined from the structure of the file."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.errors import InvalidImage, InvalidImageFormat
from app.vision.images.iso_media.boxes import Box
from app.vision.images.iso_media.coded import Coded
from app.vision.images.iso_media.cost import Cost
from app.vision.images.iso_media.items import CODED, File, Item

_ALPHA = (
    b"urn:mpeg:avc:2015:auxid:1",
    b"urn:mpeg:hevc:2015:auxid:1",
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
)
_LONGEST_NAME = 64
_DEEPEST = 8
_TURN_PIXELS = 0.25
"""Time to rotate a pixel, in pixels that could be decoded in that time."""
_ITEM_PIXELS = 10_000
"""Overhead of an item, in pixels that could be decoded in that time."""
_MOST_OVER_DECLARED = 2
_SMALL_PIXELS = 1_000_000
"""Frames up to this size may be larger than declared: some declare only their maximum size."""
_TURNS = (b"irot", b"imir", b"clap")


@dataclass
class ItemCosts:
    """Costs of the items of a file."""

    file: File
    name: str
    """Name of the format, for messages."""
    measure: Callable[[Item], Coded]
    turns: bool
    """Whether the decoder rotates, mirrors and crops pixels as often as an item requests it."""
    _costs: dict[int, Cost] = field(default_factory=dict)
    _coded: dict[tuple[object, ...], Coded] = field(default_factory=dict)
    _alphas: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, item in self.file.items.items():
            if _is_alpha(self.file, item):
                for master in item.masters.get(b"auxl", ()):
                    self._alphas.setdefault(master, []).append(number)

    def decoded(self) -> Cost:
        """Cost of the item that a decoder chooses as the picture.

        That is the primary item. If there is none, or it is hidden or belongs to another item,
        decoders choose any other item: the cost is then that of the most expensive one.
        """
        items = self.file.items
        primary = items.get(self.file.primary, Item(hidden=True))
        if not primary.hidden and not primary.masters.keys() & {b"auxl", b"thmb"}:
            return self.cost(self.file.primary)
        pictures = [n for n, item in items.items() if item.kind in CODED or item.inputs]
        costs = [self.cost(number) for number in pictures]
        return max(costs, key=lambda cost: cost.pixels, default=Cost())

    def cost(self, number: int, depth: int = 0) -> Cost:
        """Cost of decoding an item and everything that it is made of.

        Raises InvalidImage or InvalidImageFormat.
        """
        known = self._costs.get(number)
        if known is not None:
            return known
        if depth > _DEEPEST:
            raise InvalidImage(f"The {self.name} is made of pictures that are nested too deeply.")
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
                " is not supported. Save it as a single picture, for example as JPEG."
            )
        if item.kind == b"grid":
            declared = max(declared, _grid_pixels(self.file.content(item)))
        if item.kind not in CODED:
            return Cost(turned + _ITEM_PIXELS, item.size, 0, declared, declared)
        if not item.readable:
            raise InvalidImage(
                f"The {self.name} stores its pixels in a way that is not supported. Save it again."
            )
        key = (tuple(item.extents), *((box.start, box.kind) for box in item.properties))
        coded = self._coded.get(key)
        if coded is None:
            coded = self._coded[key] = self.measure(item)
        if coded.pixels > max(_MOST_OVER_DECLARED * declared, _SMALL_PIXELS):
            raise InvalidImage(
                f"The {self.name} has frames that are larger than its declared size."
            )
        pixels = max(coded.pixels, declared)
        work = pixels * max(1, coded.passes) + turned + _ITEM_PIXELS
        return Cost(work, item.size, coded.frame_bytes, pixels, declared)


def property_of(item: Item, kind: bytes) -> Box | None:
    return next((box for box in item.properties if box.kind == kind), None)


def _is_alpha(file: File, item: Item) -> bool:
    box = property_of(item, b"auxC")
    if box is None:
        return False
    start = box.start + 4
    return bytes(file.data[start : min(start + _LONGEST_NAME, box.end)]).startswith(_ALPHA)


def _declared_pixels(file: File, item: Item) -> int:
    """Pixels declared by `ispe`; the maximum if there are several."""
    found = 0
    for box in item.properties:
        if box.kind == b"ispe":
            width = int.from_bytes(file.data[box.start + 4 : box.start + 8], "big")
            height = int.from_bytes(file.data[box.start + 8 : box.start + 12], "big")
            found = max(found, width * height)
    return found


def _grid_pixels(content: memoryview) -> int:
    """Pixels of the picture that a grid is assembled into."""
    long = 4 if len(content) > 1 and content[1] & 1 else 2
    width = int.from_bytes(content[4 : 4 + long], "big")
    return width * int.from_bytes(content[4 + long : 4 + 2 * long], "big")
