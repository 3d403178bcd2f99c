"""Checks the sample layout of a TIFF; layouts that Pillow misreads are corrected or refused.

Importing this module registers the decoder with Pillow.
"""

import sys

import numpy as np
from PIL import Image, TiffImagePlugin

from app.errors import InvalidImageFormat
from app.vision.images.colour import Flatten, over_white
from app.vision.images.tiff_layout import (
    ASSOCIATED,
    BITS,
    EXTRA,
    FILL_ORDER,
    FLOAT,
    FORMAT,
    LAB,
    MIN_IS_BLACK,
    MIN_IS_WHITE,
    PHOTOMETRIC,
    PLANES,
    RGB,
    SAMPLES,
    SEPARATED,
    SIGNED,
    UNASSOCIATED,
    UNSIGNED,
    UNSPECIFIED,
    YCBCR,
    Layout,
)

_STRIPS, _TILES = (273, 279), (324, 325)
_KINDS = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "floating-point"}
_NAMES = {
    MIN_IS_WHITE: "gray (0 is white)",
    MIN_IS_BLACK: "gray",
    RGB: "RGB",
    3: "palette",
    4: "mask",
    SEPARATED: "CMYK",
    YCBCR: "YCbCr",
    LAB: "Lab",
    32803: "raw sensor",
}


class TiffFile(TiffImagePlugin.TiffImageFile):
    """Raises InvalidImageFormat if the sample layout is not supported."""

    flatten: Flatten | None = None
    """Converts a part of the loaded image to RGB, if its mode does not describe its samples."""

    def _setup(self) -> None:
        tags = self.tag_v2
        given = Layout.of(tags)
        if not given.is_supported:
            raise self._refusal()
        if given.bits_reversed and not given.is_raw:
            tags[FILL_ORDER] = 1  # libtiff reverses the bits itself
        layout = given.with_all_extra()
        if layout.photometric == RGB and layout != given:
            tags[EXTRA] = layout.extra
        if layout.planar and (layout.samples == 1 or not any(layout.extra)):
            self._leave_out_planes(layout)
            layout = layout.of_colours_alone()
        if layout.colours == 1:
            self._set_gray(layout)
        try:
            super()._setup()
        except SyntaxError as error:
            raise self._refusal() from error
        if layout.planar and layout.is_raw:
            self._set_planes(layout)
        elif self.mode == "La":
            self.flatten = _gray_associated
        elif self.mode == "LAB":
            raise self._refusal()

    def _set_gray(self, layout: Layout) -> None:
        """Corrects Pillow, which does not invert every gray, nor read an alpha of 16 bits."""
        tags = self.tag_v2
        min_is_white = layout.photometric == MIN_IS_WHITE
        if any(layout.extra) and (layout.planar or min_is_white):
            raise self._refusal()
        invert = min_is_white and (layout.is_deep or bool(layout.extra))
        if invert:
            tags[PHOTOMETRIC] = MIN_IS_BLACK
        if layout.is_deep and layout.samples == 2 and layout.extra:
            little = tags.prefix == b"II" if layout.is_raw else sys.byteorder == "little"
            self.flatten = _gray_of_bytes(1 if little else 0, layout.extra[0], invert)
            tags[PHOTOMETRIC], tags[SAMPLES] = RGB, 4
            tags[BITS], tags[EXTRA] = (8, 8, 8, 8), (UNASSOCIATED,)
        elif invert:
            self.flatten = _inverted

    def _leave_out_planes(self, layout: Layout) -> None:
        """Drops planes after the colours, which have no meaning; one plane is not planar."""
        tags = self.tag_v2
        colours, samples = layout.colours, layout.samples
        if layout.is_raw and samples > colours:
            for tag in {*_STRIPS, *_TILES} & set(tags):
                tags[tag] = tags[tag][: len(tags[tag]) * colours // samples]
        tags[SAMPLES], tags[BITS] = colours, tags.get(BITS, (1,))[:colours]
        if EXTRA in tags:
            del tags[EXTRA]
        if colours == 1:
            tags[PLANES] = 1

    def _set_planes(self, layout: Layout) -> None:
        """Corrects Pillow, which reads 8 bits per sample and treats associated alpha as a
        colour."""
        deep = layout.is_deep
        if layout.photometric == SEPARATED and deep:
            self._mode, self.flatten = "RGBA", _cmyk_of_planes
        elif layout.extra[:1] == (ASSOCIATED,):
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
        bits = sorted({int(each) for each in tags.get(BITS, (1,))})
        depth = " and ".join(str(each) for each in bits[:3])
        kinds = {_KINDS.get(each, "undefined") for each in tags.get(FORMAT, (UNSIGNED,))}
        photometric = tags.get(PHOTOMETRIC, MIN_IS_WHITE)
        colour = _NAMES.get(photometric, f"photometric {photometric}")
        notes = [f"{tags.get(SAMPLES, 1)} samples a pixel"]
        notes += ["planes"] if tags.get(PLANES, 1) == 2 else []
        notes += ["fill order 2"] if tags.get(FILL_ORDER, 1) == 2 else []
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
        if extra == UNSPECIFIED:
            return Image.fromarray(255 - gray if invert else gray).convert("RGB")
        if extra == ASSOCIATED:
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
