"""The views in which a model looks at one picture: the whole of it, and tiles."""

from typing import NamedTuple

from PIL import Image

from app.vision.images.memory import Size
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tiles.grid import Tile, cut

_PIXEL_BYTES = 4
"""A pixel of a picture in Pillow's memory."""
_PROTOTYPE_BYTES = 8
"""A pixel of the input: 32 prototypes of masks, of a quarter of its sides, as 32-bit floats."""


class View(NamedTuple):
    tile: Tile | None
    """None for the whole picture."""
    seen: Letterbox
    """Lays what is seen into the input."""
    placed: Letterbox
    """Places what was found on the whole picture."""

    def scaled(self, rgb: Image.Image, spec: InputSpec) -> Image.Image:
        """Scales this view's part of the whole picture ``rgb`` to its size in the input."""
        left, top, right, bottom = self.tile or (0, 0, self.seen.width, self.seen.height)
        across, down = rgb.width / self.placed.width, rgb.height / self.placed.height
        box = left * across, top * down, right * across, bottom * down
        return self.seen.scaled_part(rgb, spec, box)


def plan_views(spec: InputSpec, size: Size, *, rectangular: bool) -> list[View]:
    """The whole picture comes first. ``rectangular`` is that of ``Letterbox.plan``."""
    whole = Letterbox.plan(spec, *size, rectangular=rectangular)
    views = [View(None, whole, whole)]
    for tile in cut(spec, whole):
        seen = Letterbox.plan(spec, *tile.size, rectangular=rectangular)
        views.append(View(tile, seen, seen.within(*size, tile.left, tile.top)))
    return views


def wanted(views: list[View]) -> Size:
    """Width and height of the whole picture that the decoder has to cover."""
    whole, last = views[0].seen, views[-1]
    if last.tile is None:
        return whole.wanted
    # All tiles have one scale.
    scale_x, scale_y = last.seen.scale_x, last.seen.scale_y
    return round(whole.width * scale_x), round(whole.height * scale_y)


def held_bytes(views: list[View], *, masks: bool) -> int:
    """Memory from decoding to the answer, at most."""
    inputs = sum(view.seen.input_width * view.seen.input_height for view in views)
    return inputs * (_PIXEL_BYTES + (_PROTOTYPE_BYTES if masks else 0))
