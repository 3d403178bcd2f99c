"""Brightness, sharpness, contrast and colours of a picture, its foreground and its background.

The foreground is the area of the objects' boxes, or the middle of the picture if the boxes cover
nothing or everything.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.rekognition.colours import dominant, nearest
from app.vision.arrays import Array
from app.vision.detections import Detection, Detections
from app.vision.detector import Detector

_LONGEST_SIDE = 512
_SHARP = 18.0  # a picture with this contrast between neighbouring pixels is 63% sharp

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Properties:
    image: dict[str, Any]
    instances: list[list[dict[str, Any]]]
    """The dominant colours of each detection."""


def measure(detector: Detector, data: bytes, found: Detections, colours: int) -> Properties:
    """Lists at most ``colours`` dominant colours for each region."""
    with detector.picture(data, _LONGEST_SIDE) as picture:
        rgb = picture.rgb
        luma = np.asarray(rgb.convert("L"), dtype=np.float32)
        palette = nearest(np.asarray(rgb))
    edges = _edges(luma)
    scale = luma.shape[1] / found.width
    areas = [_area(item, scale, luma.shape) for item in found.items]
    mask = _foreground(areas, luma.shape)

    def region(where: Mask, contrast: bool = False) -> dict[str, Any]:
        return {
            "Quality": _quality(luma[where], edges[where], contrast=contrast),
            "DominantColors": dominant(palette[where], colours),
        }

    image = region(np.ones_like(mask), contrast=True)
    image["Foreground"] = region(mask)
    image["Background"] = region(~mask)
    return Properties(image, [dominant(palette[area], colours) for area in areas])


def _area(item: Detection, scale: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The item's rows and columns, at least one of each."""
    x, y, width, height = (value * scale for value in item.box)
    return _span(y, height, shape[0]), _span(x, width, shape[1])


def _span(start: float, length: float, limit: int) -> slice:
    first = min(max(0, round(start)), limit - 1)
    return slice(first, max(first + 1, min(round(start + length), limit)))


def _foreground(areas: list[tuple[slice, slice]], shape: tuple[int, ...]) -> Mask:
    mask: Mask = np.zeros(shape, dtype=bool)
    for area in areas:
        mask[area] = True
    if not mask.any() or mask.all():
        height, width = shape
        mask[:] = False
        mask[height // 4 : max(1, height * 3 // 4), width // 4 : max(1, width * 3 // 4)] = True
    return mask


def _edges(luma: Array) -> Array:
    """Laplacian: the sum of each pixel's four neighbours minus four times the pixel."""
    padded = np.pad(luma, 1, mode="edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    edges: Array = around - 4 * luma
    return edges


def _quality(luma: Array, edges: Array, *, contrast: bool) -> dict[str, float]:
    """Each value is from 0 to 100, and 0 for an empty region."""
    if luma.size == 0:
        luma = edges = np.zeros(1, dtype=np.float32)
    roughness = float(np.sqrt(np.mean(edges**2)))
    quality = {
        "Brightness": _percent(float(luma.mean()) / 255),
        "Sharpness": _percent(1 - float(np.exp(-roughness / _SHARP))),
    }
    if contrast:
        dark, light = np.percentile(luma, (2, 98))
        quality["Contrast"] = _percent(float(light - dark) / 255)
    return quality


def _percent(share: float) -> float:
    return round(min(max(share, 0.0), 1.0) * 100, 4)
