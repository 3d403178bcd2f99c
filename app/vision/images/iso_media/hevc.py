"""Determines the size of an HEVC item's pictures, and how often a decoder processes them.

Section numbers are those of ITU-T H.265.
"""

from collections.abc import Iterator
from itertools import chain

from app.errors import InvalidImage
from app.vision.images.iso_media.coded import Bits, Coded, Units

_SLICES = range(32)
"""Types of units (7.4.2.2) with coded pixels."""
_PARAMETERS, _PICTURE_PARAMETERS = 33, 34
_TABLES = 1 / 16
"""Time that libde265 takes to build its parameter tables, in passes over a picture."""
_READ = 200
"""Bytes of a parameter set to read; the fields used here are within fewer."""
_DEPTHS = slice(17, 19)
_ARRAYS = 22
"""Bytes of the configuration before its arrays (ISO/IEC 14496-15, 8.3.3)."""


def measure(configuration: memoryview, data: memoryview, units: Units) -> Coded:
    """``configuration`` is the content of `hvcC`, ``data`` that of the item.

    Raises InvalidImage if there are more units than ``units`` has left, or if the configuration
    declares a different bit depth than the pictures have: libheif then writes past its buffers.
    """
    # libheif accepts lengths of four bytes, whatever the configuration says.
    lengths = {4}
    if len(configuration) > _ARRAYS:
        lengths.add((configuration[_ARRAYS - 1] & 3) + 1)
    declared = [8 + (byte & 7) for byte in configuration[_DEPTHS]]
    found = Coded()
    for unit in chain(_configured(configuration), *(_split(data, each) for each in lengths)):
        units.count()
        _measure_unit(unit, found, declared)
    return found


def _configured(data: memoryview) -> Iterator[memoryview]:
    """Units of the configuration: arrays of parameter sets."""
    at = _ARRAYS + 1
    for _ in range(data[_ARRAYS] if len(data) > _ARRAYS else 0):
        count = int.from_bytes(data[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            if at >= len(data):
                return
            size = int.from_bytes(data[at : at + 2], "big")
            yield data[at + 2 : at + 2 + size]
            at += 2 + size


def _split(data: memoryview, length: int) -> Iterator[memoryview]:
    """Units, each preceded by its size in ``length`` bytes."""
    at = 0
    while at + length < len(data):
        size = int.from_bytes(data[at : at + length], "big")
        at += length
        yield data[at : at + size]
        at += size


def _measure_unit(unit: memoryview, found: Coded, declared: list[int]) -> None:
    if len(unit) < 3:
        return
    kind, layer = unit[0] >> 1 & 63, (unit[0] & 1) << 5 | unit[1] >> 3
    if layer:
        return  # decoders for one layer skip the others
    if kind == _PARAMETERS:
        pixels, pixel_bytes, depths = _sequence(_without_emulation(unit[2 : 2 + _READ]))
        if declared[: len(depths)] != depths:
            raise InvalidImage(
                "The HEIC declares a different bit depth than its pictures have."
                " Save it again as one image."
            )
        found.pixels = max(found.pixels, pixels)
        found.pixel_bytes = max(found.pixel_bytes, pixel_bytes)
    elif kind == _PICTURE_PARAMETERS:
        found.passes += _TABLES
    elif kind in _SLICES:
        # Regardless of the slice's declared range, a decoder continues to the end of the picture,
        # over pixels that other slices have already decoded.
        found.passes += 1


def _without_emulation(data: memoryview) -> bytes:
    return bytes(data).replace(b"\0\0\3", b"\0\0")


def _sequence(data: bytes) -> tuple[int, float, list[int]]:
    """Reads a sequence parameter set (7.3.2.2).

    Returns pixels of a picture, bytes per pixel, and bit depths of luma and, if present, chroma.
    """
    bits = Bits(data)
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _skip_profile(bits, layers)
    bits.take_exp_golomb()  # its identifier
    chroma = bits.take_exp_golomb()
    if chroma == 3:
        bits.take(1)  # separate_colour_plane_flag
    width, height = bits.take_exp_golomb(), bits.take_exp_golomb()
    if bits.take(1):  # the conformance window is cropped from the decoded picture
        for _ in range(4):
            bits.take_exp_golomb()
    depths = [8 + bits.take_exp_golomb(), 8 + bits.take_exp_golomb()]
    samples = {0: 1, 1: 1.5, 2: 2}.get(chroma, 3)
    pixel_bytes = samples * (2 if max(depths) > 8 else 1)
    return width * height, pixel_bytes, depths if chroma else depths[:1]


def _skip_profile(bits: Bits, layers: int) -> None:
    """profile_tier_level (7.3.3)."""
    bits.take(88 + 8)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
