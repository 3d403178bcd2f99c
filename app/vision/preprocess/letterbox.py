"""Places a picture in the input tensor, and maps boxes back to the picture."""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from app.vision.arrays import Array, Floats, FloatType
from app.vision.preprocess.bilinear import bilinear
from app.vision.preprocess.input_spec import InputSpec

_RESAMPLING = {
    "antialias": Image.Resampling.BILINEAR,
    "bilinear": Image.Resampling.BILINEAR,  # of a crop, since ``bilinear`` scales whole pictures
    "bicubic": Image.Resampling.BICUBIC,
}


class Letterbox(NamedTuple):
    """Position of one picture in one input tensor. All lengths are in pixels."""

    width: int
    """Width of the upright picture; ``height`` likewise."""
    height: int
    input_width: int
    input_height: int
    content_width: int
    """Width of the scaled picture without padding; ``content_height`` likewise."""
    content_height: int
    left: float
    """Left edge of the picture in the input; ``top`` likewise. Fractional only after ``within``."""
    top: float
    scale_x: float
    """Input pixels per pixel of the picture; ``scale_y`` likewise."""
    scale_y: float
    part: tuple[int, int, int, int] | None = None
    """Left, top, right, bottom of the part that the input shows; None if it shows all."""

    @classmethod
    def plan(cls, spec: InputSpec, width: int, height: int, *, rectangular: bool) -> "Letterbox":
        """Plan for a picture of ``width`` x ``height``.

        ``rectangular`` pads only to the next multiple of the stride, for models with dynamic axes.
        Otherwise the input has the whole of ``spec.size``.
        """
        full_height, full_width = spec.size
        if spec.fit == "stretch":
            return cls(
                width, height, full_width, full_height, full_width, full_height,
                0, 0, full_width / width, full_height / height,
            )  # fmt: skip
        if spec.fit == "crop":
            return cls._crop(spec, width, height)
        if spec.fit == "area" and rectangular:
            full_height, full_width = _suitable(spec, width, height)
        scale = min(full_width / width, full_height / height)
        content_width = max(1, round(width * scale))
        content_height = max(1, round(height * scale))
        pad_x, pad_y = full_width - content_width, full_height - content_height
        if rectangular:
            pad_x, pad_y = pad_x % spec.stride, pad_y % spec.stride
        corner = spec.fit == "corner"
        return cls(
            width, height, content_width + pad_x, content_height + pad_y,
            content_width, content_height,
            0 if corner else pad_x // 2, 0 if corner else pad_y // 2, scale, scale,
        )  # fmt: skip

    @classmethod
    def _crop(cls, spec: InputSpec, width: int, height: int) -> "Letterbox":
        """Like torchvision's Resize and CenterCrop; ``left`` and ``top`` are then negative."""
        full_height, full_width = spec.size
        shorter = spec.shorter_side or min(spec.size)
        content_width = max(1, int(shorter * width / min(width, height)))
        content_height = max(1, int(shorter * height / min(width, height)))
        left = -round((content_width - full_width) / 2)
        top = -round((content_height - full_height) / 2)
        return cls(
            width, height, full_width, full_height, content_width, content_height,
            left, top, content_width / width, content_height / height,
        )  # fmt: skip

    def within(self, width: int, height: int, left: int, top: int) -> "Letterbox":
        """Places boxes and points on a larger picture, of ``width`` x ``height`` pixels.

        The planned picture is the part of it that begins at ``left``, ``top``. Do not call ``fill``
        on the result.
        """
        return self._replace(
            width=width,
            height=height,
            left=self.left - left * self.scale_x,
            top=self.top - top * self.scale_y,
            content_width=round(width * self.scale_x),
            content_height=round(height * self.scale_y),
            part=(left, top, left + self.width, top + self.height),
        )

    @property
    def content(self) -> tuple[int, int]:
        return self.content_width, self.content_height

    @property
    def wanted(self) -> tuple[int, int]:
        """Width and height that the decoder has to cover.

        For a crop, twice the size of the content: classifiers have small inputs, and their results
        change if another method has already reduced a picture to nearly its final size.
        """
        factor = 2 if self.left < 0 or self.top < 0 else 1
        return factor * self.content_width, factor * self.content_height

    def fill(self, rgb: Image.Image, spec: InputSpec, dtype: FloatType) -> Array:
        """The input tensor, shape (1, 3, input_height, input_width).

        ``rgb`` is the upright picture at any scale.
        """
        gain: Floats = np.float32(1) / np.array(spec.std, dtype=np.float32)
        bias: Floats = -np.array(spec.mean, dtype=np.float32) * gain
        tensor = np.empty((1, 3, self.input_height, self.input_width), dtype=dtype)
        if self.content != (self.input_width, self.input_height):
            tensor[0] = (spec.pad_value * gain + bias)[:, None, None]
        x, y = int(self.left), int(self.top)
        planes = tensor[
            0, :, max(0, y) : y + self.content_height, max(0, x) : x + self.content_width
        ]
        if spec.channels == "bgr":
            planes, gain, bias = planes[::-1], gain[::-1], bias[::-1]
        if rgb.size != self.content and spec.resample == "bilinear" and spec.fit != "crop":
            bilinear(np.asarray(rgb), planes, gain, bias)
            return tensor
        if rgb.size != self.content or self.left < 0 or self.top < 0:
            rgb = self._scaled(rgb, _RESAMPLING[spec.resample])
        pixels = np.ascontiguousarray(np.asarray(rgb).transpose(2, 0, 1))
        np.multiply(pixels, gain[:, None, None], out=planes, casting="same_kind")
        if bias.any():
            planes += bias[:, None, None]
        return tensor

    def scaled_part(
        self, rgb: Image.Image, spec: InputSpec, box: tuple[float, float, float, float]
    ) -> Image.Image:
        """Scales a box of ``rgb``, in its pixels, to the size that ``fill`` uses unscaled."""
        return rgb.resize(self.content, _RESAMPLING[spec.resample], box)

    def _scaled(self, rgb: Image.Image, resampling: Image.Resampling) -> Image.Image:
        """The scaled picture, or the part of it that lies within the input."""
        if self.left >= 0 and self.top >= 0:
            return rgb.resize(self.content, resampling)
        across, down = rgb.width / self.content_width, rgb.height / self.content_height
        x, y = int(self.left), int(self.top)
        left, top = max(0, -x), max(0, -y)
        right = min(self.content_width, self.input_width - x)
        bottom = min(self.content_height, self.input_height - y)
        part = left * across, top * down, right * across, bottom * down
        return rgb.resize((right - left, bottom - top), resampling, part)

    def restore_points(self, points: Floats) -> Floats:
        """Converts points (..., 2) from input pixels to the picture, possibly beyond its edges."""
        offset = np.array([self.left, self.top], dtype=np.float32)
        scale = np.array([self.scale_x, self.scale_y], dtype=np.float32)
        restored: Floats = (points - offset) / scale
        return restored

    def restore(self, boxes: Floats) -> Floats:
        """Converts boxes (n, 4) x1, y1, x2, y2 from input pixels to the picture.

        They are clipped to the part of it that the input shows.
        """
        offset = np.array([self.left, self.top] * 2, dtype=np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, dtype=np.float32)
        left, top, right, bottom = self.part or (0, 0, self.width, self.height)
        least = np.array([left, top] * 2, dtype=np.float32)
        most = np.array([right, bottom] * 2, dtype=np.float32)
        restored: Floats = np.clip((boxes - offset) / scale, least, most)
        return restored


def _suitable(spec: InputSpec, width: int, height: int) -> tuple[int, int]:
    """Height and width of the input in which a picture is largest.

    They are multiples of the stride, and their area is at most that of ``spec.size``.
    """
    stride = spec.stride
    cells = max(1, spec.size[0] // stride * (spec.size[1] // stride))
    # With the picture's proportions exactly; a whole number of columns or rows is next to that.
    columns = min(max(math.sqrt(cells * width / height), 1), cells)
    rows = cells / columns
    candidates = {
        (cells // most, most)
        for most in (math.floor(columns), math.ceil(columns), cells // math.ceil(rows))
    }
    high, wide = max(candidates, key=lambda sides: min(sides[0] / height, sides[1] / width))
    return high * stride, wide * stride
