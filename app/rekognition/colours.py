"""The dominant colours of a region; each pixel counts as the nearest CSS colour."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from app.vision.arrays import Array

Indices = NDArray[np.uint8]
"""Indices into ``_palette``."""

_LEAST_PERCENT = 1.0
_BITS = 6  # per channel: each cell of 4 x 4 x 4 colours counts as one
_CHUNK = 16384

_FAMILIES = {
    "black": "black",
    "white": "white whitesmoke snow ghostwhite floralwhite mintcream azure aliceblue seashell ivory"
    " honeydew oldlace linen lavenderblush",
    "grey": "gray dimgrey darkgrey silver lightgrey gainsboro slategrey lightslategrey"
    " darkslategrey",
    "red": "red darkred firebrick crimson indianred tomato orangered lightcoral",
    "orange": "orange darkorange coral salmon darksalmon lightsalmon sandybrown",
    "brown": "brown maroon saddlebrown sienna chocolate peru burlywood tan rosybrown darkgoldenrod"
    " wheat bisque antiquewhite navajowhite blanchedalmond moccasin peachpuff papayawhip beige"
    " cornsilk",
    "yellow": "yellow gold goldenrod khaki darkkhaki palegoldenrod lemonchiffon lightyellow"
    " lightgoldenrodyellow",
    "green": "green lime darkgreen forestgreen seagreen mediumseagreen darkseagreen limegreen"
    " lightgreen palegreen springgreen mediumspringgreen greenyellow lawngreen chartreuse"
    " yellowgreen olive olivedrab darkolivegreen mediumaquamarine",
    "blue": "blue navy mediumblue darkblue midnightblue royalblue cornflowerblue dodgerblue"
    " deepskyblue skyblue lightskyblue lightblue powderblue lightsteelblue steelblue cadetblue"
    " cyan lightcyan aquamarine turquoise mediumturquoise darkturquoise paleturquoise teal darkcyan"
    " lightseagreen slateblue mediumslateblue darkslateblue",
    "purple": "purple indigo rebeccapurple blueviolet darkviolet darkorchid mediumorchid orchid"
    " darkmagenta mediumpurple thistle plum violet lavender",
    "pink": "pink lightpink hotpink deeppink palevioletred mediumvioletred magenta mistyrose",
}


def nearest(rgb: Array) -> Indices:
    """The nearest colour of each pixel; the last axis of ``rgb`` is red, green, blue in 0..255."""
    levels = rgb.astype(np.uint32) >> (8 - _BITS)
    cells = (levels[..., 0] << _BITS | levels[..., 1]) << _BITS | levels[..., 2]
    present = np.flatnonzero(np.bincount(cells.ravel(), minlength=1 << 3 * _BITS))
    table = np.zeros(1 << 3 * _BITS, dtype=np.uint8)
    for start in range(0, len(present), _CHUNK):
        some = present[start : start + _CHUNK]
        table[some] = _nearest_to_cells(some)
    found: Indices = table[cells]
    return found


def dominant(pixels: Indices, limit: int) -> list[dict[str, Any]]:
    """The dominant colours of a region, most frequent first."""
    counts = np.bincount(pixels.ravel(), minlength=len(_palette()))
    percents = counts * (100 / max(1, pixels.size))
    order = np.argsort(-percents, kind="stable")[:limit]
    return [
        _describe(index, percents[index]) for index in order if percents[index] >= _LEAST_PERCENT
    ]


def _describe(index: int, percent: float) -> dict[str, Any]:
    family, name, (red, green, blue) = _palette()[index]
    return {
        "Red": red,
        "Blue": blue,
        "Green": green,
        "HexCode": f"#{red:02x}{green:02x}{blue:02x}",
        "CSSColor": name,
        "SimplifiedColor": family,
        "PixelPercent": round(float(percent), 4),
    }


@cache
def _palette() -> list[tuple[str, str, tuple[int, int, int]]]:
    """Simplified name, CSS name and RGB of each colour."""
    return [
        (family, name, ImageColor.getrgb(name)[:3])
        for family, names in _FAMILIES.items()
        for name in names.split()
    ]


@cache
def _palette_rgb() -> NDArray[np.float32]:
    return np.array([rgb for _, _, rgb in _palette()], dtype=np.float32)


def _nearest_to_cells(cells: NDArray[np.intp]) -> Array:
    mask, width = (1 << _BITS) - 1, 256 >> _BITS
    levels = np.stack([cells >> 2 * _BITS, cells >> _BITS & mask, cells & mask], axis=-1)
    middles = (levels.astype(np.float32) + 0.5) * width - 0.5
    palette = _palette_rgb()
    # |a - b|² without |a|², which does not depend on b.
    found: Array = ((palette**2).sum(axis=1) - 2 * middles @ palette.T).argmin(axis=1)
    return found
