"""Draws detections on the picture: boxes, masks, keypoints and labels."""

import colorsys
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from app.vision.detections import Classification, Detection, Detections, Options
from app.vision.detector import Detector
from app.vision.images import formats
from app.vision.images.formats.record import Format
from app.vision.tasks.keypoints import Keypoint, bones
from app.vision.turns import Turns

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

Encoding = Literal["JPEG", "PNG"]
LONGEST_SIDE = 4096
"""Larger pictures are drawn smaller, so that drawing takes no more memory than decoding did."""

_GOLDEN_RATIO = 0.618033988749895
_MASK_OPACITY = 110
"""Opacity, 0..255."""
_MOST_CLASSIFICATIONS = 5
_MOST_LABELS = 200
"""Each label is compared with all earlier ones, and so many hide the picture already."""
_DARK, _LIGHT = (20, 20, 20), (255, 255, 255)

Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]


def detect_and_draw(
    detector: Detector, data: bytes, options: Options, encoding: Encoding
) -> Turns[tuple[Detections, bytes]]:
    """Raises what ``Detector.turns`` does. Refuses pictures too large to draw on first."""
    recognised = formats.require(data)
    detector.check_picture(data, LONGEST_SIDE, recognised)
    found = yield from detector.turns(data, options, recognised)
    return found, draw(detector, data, found, encoding, recognised)


def draw(
    detector: Detector,
    data: bytes,
    found: Detections,
    encoding: Encoding,
    image_format: Format | None = None,
) -> bytes:
    """Draws ``found`` on the image file ``data`` and encodes the result.

    All boxes are drawn first, then the labels of the 200 most probable ones on top. The most
    probable label gets the best position.
    """
    out = io.BytesIO()
    options = {"quality": 90} if encoding == "JPEG" else {"compress_level": 3}
    with detector.picture(data, LONGEST_SIDE, image_format) as picture:
        _draw(picture.rgb, found)
        picture.rgb.save(out, encoding, **options)
    return out.getvalue()


def _draw(image: Image.Image, found: Detections) -> None:
    from PIL import ImageDraw, ImageFont  # most clients want JSON

    scale = image.width / found.width
    canvas = ImageDraw.Draw(image)
    short = min(image.size)
    line = max(1, round(short / 250))
    font = ImageFont.load_default(max(10.0, short / 32))
    taken: list[Rectangle] = []
    for item in found.items:
        if item.mask is not None:
            left, top, bits = item.mask.bits(scale)
            share = Image.fromarray(bits.astype(np.uint8) * _MASK_OPACITY)
            image.paste(colour_of(item.class_id), (left, top), share)
    for item in found.items:
        _outline(canvas, item, scale, line)
    for item in found.items:
        _keypoints(canvas, item.keypoints or (), colour_of(item.class_id), scale, line)
    for one in (found.classifications or ())[:_MOST_CLASSIFICATIONS]:
        _label(
            canvas,
            one,
            (0.0, 0.0, float(image.width), float(image.height)),
            font,
            image.size,
            taken,
        )
    for item in found.items[:_MOST_LABELS]:
        _label(canvas, item, _corners(item, scale), font, image.size, taken)


def colour_of(class_id: int) -> Colour:
    """The same colour for a class every time, far from those of neighbouring classes."""
    red, green, blue = colorsys.hsv_to_rgb(
        (class_id * _GOLDEN_RATIO) % 1.0, 0.85 if class_id % 2 else 0.65, 0.95
    )
    return round(red * 255), round(green * 255), round(blue * 255)


def _outline(canvas: "ImageDraw.ImageDraw", item: Detection, scale: float, line: int) -> None:
    colour = colour_of(item.class_id)
    if item.turned is None:
        canvas.rectangle(_corners(item, scale), outline=colour, width=line)
    else:
        points = [(x * scale, y * scale) for x, y in item.turned.corners]
        canvas.polygon(points, outline=colour, width=line)


def _keypoints(
    canvas: "ImageDraw.ImageDraw",
    points: Sequence[Keypoint],
    colour: Colour,
    scale: float,
    line: int,
) -> None:
    """Draws the points above the drawing threshold, and the bones between them for a person."""
    for start, end in bones(points):
        ends = [(point.x * scale, point.y * scale) for point in (start, end)]
        canvas.line(ends, fill=colour, width=line)
    radius = 1.5 * line
    for point in points:
        if point.drawn:
            x, y = point.x * scale, point.y * scale
            circle = (x - radius, y - radius, x + radius, y + radius)
            canvas.ellipse(circle, fill=_LIGHT, outline=colour, width=max(1, line // 2))


def _corners(item: Detection, scale: float) -> Rectangle:
    x, y, width, height = (value * scale for value in item.box)
    return x, y, x + width, y + height


def _label(
    canvas: "ImageDraw.ImageDraw",
    item: Detection | Classification,
    box: Rectangle,
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
    size: tuple[int, int],
    taken: list[Rectangle],
) -> None:
    """The first free position within the picture: above the box, inside it or below."""
    text = f"{item.label} {item.probability:.0%}"
    left, top, right, bottom = canvas.textbbox((0, 0), text, font=font)
    margin = max(1.0, (bottom - top) / 5)
    width, height = right - left + 2 * margin, bottom - top + 2 * margin
    x = min(max(0.0, box[0]), max(0.0, size[0] - width))
    tries = [box[1] - height, box[1], box[3] - height, box[3]]
    tries += [box[1] + step * height for step in range(1, 6)]
    places = [(x, y, x + width, y + height) for y in tries if y >= 0 and y + height <= size[1]] or [
        (x, 0.0, x + width, height)
    ]
    place = next((p for p in places if not any(_overlap(p, other) for other in taken)), places[0])
    taken.append(place)
    colour = colour_of(item.class_id)
    canvas.rectangle(place, fill=colour)
    # Whole pixels: where the text begins above the picture, Pillow cuts off the fraction of a row.
    at = round(place[0] + margin - left), round(place[1] + margin - top)
    canvas.text(at, text, font=font, fill=_ink(colour))


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _ink(background: Colour) -> Colour:
    red, green, blue = background
    return _DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else _LIGHT
