"""Checks the sample layout of a TIFF; layouts that Pillow misreads are corrected or refused.

Importing this module registers the decoder with Pillow.
"""

import sys

import numpy as np
from PIL import Image, TiffImagePlugin

from app.errors import InvalidImageFormat
from app.vision.images.colour import Flatten, over_white

_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _SAMPLES = 258, 259, 262, 266, 277
_PLANES, _EXTRA, _FORMAT, _SUBSAMPLING = 284, 338, 339, 530
_STRIPS, _TILES = (273, 279), (324, 325)
_RAW = 1
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _SEPARATED, _YCBCR, _LAB = 0, 1, 2, 5, 6, 8
_COLOURS = {_RGB: 3, _SEPARATED: 4, _YCBCR: 3, _LAB: 3}
_UNSPECIFIED, _ASSOCIATED, _UNASSOCIATED = 0, 1, 2
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_KINDS = {_UNSIGNED: "unsigned", _SIGNED: "signed", _FLOAT: "floating-point"}
_NAMES = {
    _MIN_IS_WHITE: "gray (0 is white)",
    _MIN_IS_BLACK: "gray",
    _RGB: "RGB",
    3: "palette",
    4: "mask",
    _SEPARATED: "CMYK",
    _YCBCR: "YCbCr",
    _LAB: "Lab",
    32803: "raw sensor",
}


class TiffFile(TiffImagePlugin.TiffImageFile):
    """Raises InvalidImageFormat if the sample layout is not supported."""

    flatten: Flatten | None = None
    """Converts a part of the loaded image to RGB, if its mode does not describe its samples."""

    def _setup(self) -> None:
        tags = self.tag_v2
        bits, kinds = tags.get(_BITS, (1,)), set(tags.get(_FORMAT, (_UNSIGNED,)))
        photometric = tags.get(_PHOTOMETRIC, _MIN_IS_WHITE)
        colours = _COLOURS.get(photometric, 1)
        samples = tags.get(_SAMPLES, 1)
        raw = tags.get(_COMPRESSION, _RAW) == _RAW
        planar = tags.get(_PLANES, 1) == 2
        deep = bits[0] == 16
        if kinds != {_UNSIGNED} or len(set(bits)) > 1 or bits[0] not in (1, 2, 4, 8, 16):
            single_float = kinds == {_FLOAT} and bits == (32,) and photometric == _MIN_IS_BLACK
            if not single_float or samples > 1:
                raise self._refusal()
        if tags.get(_FILL_ORDER, 1) == 2:
            if not raw:
                tags[_FILL_ORDER] = 1  # libtiff reverses the bits itself
            elif deep or (planar and samples > 1) or (bits[0] == 8 and photometric == 0):
                raise self._refusal()
        if photometric == _YCBCR and raw and tags.get(_SUBSAMPLING, (1, 1)) != (1, 1):
            raise self._refusal()
        extra = tags.get(_EXTRA, ())
        if photometric in (_MIN_IS_WHITE, _MIN_IS_BLACK) and not extra:
            extra = (_UNSPECIFIED,) * min(samples - 1, 4)
        if photometric == _RGB and samples == 4 and not extra:
            tags[_EXTRA] = extra = (_UNASSOCIATED,)
        if planar and (samples == 1 or not any(extra)):
            self._leave_out_planes(colours, samples, raw)
            planar, samples, extra = planar and colours > 1, colours, ()
        invert = photometric == _MIN_IS_WHITE and (deep or bool(extra))
        if any(extra) and colours == 1 and (planar or photometric == _MIN_IS_WHITE):
            raise self._refusal()
        if invert:
            tags[_PHOTOMETRIC] = _MIN_IS_BLACK
        if colours == 1 and deep and samples == 2:
            high = 1 if (tags.prefix == b"II" if raw else sys.byteorder == "little") else 0
            self.flatten = _gray_of_bytes(high, extra[0], invert)
            tags[_PHOTOMETRIC], tags[_SAMPLES] = _RGB, 4
            tags[_BITS], tags[_EXTRA] = (8, 8, 8, 8), (_UNASSOCIATED,)
        elif invert:
            self.flatten = _inverted
        try:
            super()._setup()
        except SyntaxError as error:
            raise self._refusal() from error
        if planar and raw:
            self._set_planes(deep, photometric, extra)
        elif self.mode == "La":
            self.flatten = _gray_associated
        elif self.mode == "LAB":
            raise self._refusal()

    def _leave_out_planes(self, colours: int, samples: int, raw: bool) -> None:
        """Drops planes after the colours, which have no meaning; one plane is not planar."""
        tags = self.tag_v2
        for tag in (*_STRIPS, *_TILES) if raw and samples > colours else ():
            if tag in tags:
                tags[tag] = tags[tag][: len(tags[tag]) * colours // samples]
        tags[_SAMPLES], tags[_BITS] = colours, tags.get(_BITS, (1,))[:colours]
        if _EXTRA in tags:
            del tags[_EXTRA]
        if colours == 1:
            tags[_PLANES] = 1

    def _set_planes(self, deep: bool, photometric: int, extra: tuple[int, ...]) -> None:
        """Corrects Pillow, which reads 8 bits per sample and treats associated alpha as a
        colour."""
        if photometric == _SEPARATED and deep:
            self._mode, self.flatten = "RGBA", _cmyk_of_planes
        elif extra[:1] == (_ASSOCIATED,):
            self.flatten = _associated
        depth = (";16L" if self.tag_v2.prefix == b"II" else ";16B") if deep else ""
        letters = dict(zip("CMYKa", "RGBAA", strict=True)) if deep else {"a": "A"}
        self.tile = [
            tile._replace(args=(letters.get(tile.args[0], tile.args[0]) + depth, *tile.args[1:]))
            for tile in self.tile
            if isinstance(tile.args, tuple)
        ]

    def _refusal(self) -> InvalidImageFormat:
        tags = self.tag_v2
        bits = sorted({int(each) for each in tags.get(_BITS, (1,))})
        depth = " and ".join(str(each) for each in bits[:3])
        kinds = {_KINDS.get(each, "undefined") for each in tags.get(_FORMAT, (_UNSIGNED,))}
        photometric = tags.get(_PHOTOMETRIC, _MIN_IS_WHITE)
        colour = _NAMES.get(photometric, f"photometric {photometric}")
        notes = [f"{tags.get(_SAMPLES, 1)} samples a pixel"]
        notes += ["planes"] if tags.get(_PLANES, 1) == 2 else []
        notes += ["fill order 2"] if tags.get(_FILL_ORDER, 1) == 2 else []
        return InvalidImageFormat(
            f"This TIFF has {depth}-bit {' and '.join(sorted(kinds))} {colour} samples"
            f" ({', '.join(notes)}), which are not supported. Send it as gray or RGB with 8 or 16"
            " unsigned bits a sample, or as PNG or JPEG."
        )


def _inverted(band: Image.Image) -> Image.Image:
    if band.mode.startswith("I;16"):
        high = (np.asarray(band).astype(np.uint16) >> 8).astype(np.uint8)
    else:
        high = np.asarray(band.convert("L"))
    return Image.fromarray(255 - high).convert("RGB")


def _gray_of_bytes(high: int, extra: int, invert: bool) -> Flatten:
    """Gray and an extra sample of 16 bits, read as four of 8; ``high`` indexes the upper byte."""

    def flatten(band: Image.Image) -> Image.Image:
        pixels = np.asarray(band)
        gray, alpha = pixels[..., high], pixels[..., high + 2]
        if extra == _UNSPECIFIED:
            return Image.fromarray(255 - gray if invert else gray).convert("RGB")
        if extra == _ASSOCIATED:
            return _over_white(gray, alpha).convert("RGB")
        return over_white(Image.merge("LA", [Image.fromarray(x.copy()) for x in (gray, alpha)]))

    return flatten


def _gray_associated(band: Image.Image) -> Image.Image:
    pixels = np.asarray(band)
    return _over_white(pixels[..., 0], pixels[..., 1]).convert("RGB")


def _associated(band: Image.Image) -> Image.Image:
    pixels = np.asarray(band)
    return _over_white(pixels[..., :3], pixels[..., 3:])


def _over_white(colours: np.ndarray, alpha: np.ndarray) -> Image.Image:
    """Blends colours that are already multiplied with their alpha with white."""
    return Image.fromarray(np.minimum(colours, alpha) + (255 - alpha))


def _cmyk_of_planes(band: Image.Image) -> Image.Image:
    return Image.merge("CMYK", band.split()).convert("RGB")


Image.register_open("TIFF", TiffFile, TiffImagePlugin._accept)
