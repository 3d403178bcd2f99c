"""The dominant colours of a region, each pixel counted as the CSS colour nearest to it."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from app.vision.arrays import Array

Indices = NDArray[np.uint8]
"""Places in ``_palette``."""

_LEAST_PERCENT = 1.0
_LEVELS = 32  # a channel, in the table of nearest colours

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
    """For each pixel of an array whose last axis is red, green, blue of 0..255."""
    coarse = rgb.astype(np.uint16) * _LEVELS >> 8
    cells = (coarse[..., 0] * _LEVELS + coarse[..., 1]) * _LEVELS + coarse[..., 2]
    found: Indices = _table()[cells]
    return found


def dominant(pixels: Indices, limit: int) -> list[dict[str, Any]]:
    """Of a region, the most frequent first."""
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
    """Simplified name, CSS name and RGB."""
    return [
        (family, name, ImageColor.getrgb(name)[:3])
        for family, names in _FAMILIES.items()
        for name in names.split()
    ]


@cache
def _table() -> Indices:
    """The nearest colour's place for the middle of each cell of the RGB cube."""
    middles = (np.arange(_LEVELS, dtype=np.float32) + 0.5) * (256 / _LEVELS)
    cells = np.stack(np.meshgrid(middles, middles, middles, indexing="ij"), axis=-1)
    palette = np.array([rgb for _, _, rgb in _palette()], dtype=np.float32)
    # |a - b|² without |a|², which is the same for all b.
    found: Indices = ((palette**2).sum(axis=1) - 2 * cells @ palette.T).argmin(axis=-1)
    return found.astype(np.uint8).ravel()
