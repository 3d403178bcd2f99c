"""Places a picture in the input tensor, and boxes back on the picture."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from app.vision.arrays import Array, Floats, FloatType
from app.vision.preprocess.bilinear import bilinear
from app.vision.preprocess.input_spec import InputSpec


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
    left: int
    top: int
    scale_x: float
    """Input pixels per pixel of the picture; ``scale_y`` likewise."""
    scale_y: float

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

    @property
    def content(self) -> tuple[int, int]:
        return self.content_width, self.content_height

    def fill(self, rgb: Image.Image, spec: InputSpec, dtype: FloatType) -> Array:
        """The input tensor, shape (1, 3, input_height, input_width).

        ``rgb`` is the upright picture at any scale.
        """
        gain: Floats = np.float32(1) / np.array(spec.std, dtype=np.float32)
        bias: Floats = -np.array(spec.mean, dtype=np.float32) * gain
        tensor = np.empty((1, 3, self.input_height, self.input_width), dtype=dtype)
        if self.content != (self.input_width, self.input_height):
            tensor[0] = (spec.pad_value * gain + bias)[:, None, None]
        planes = tensor[
            0, :, self.top : self.top + self.content_height,
            self.left : self.left + self.content_width,
        ]  # fmt: skip
        if spec.channels == "bgr":
            planes, gain, bias = planes[::-1], gain[::-1], bias[::-1]
        if rgb.size != self.content and spec.resample == "bilinear":
            bilinear(np.asarray(rgb), planes, gain, bias)
            return tensor
        if rgb.size != self.content:
            rgb = rgb.resize(self.content, Image.Resampling.BILINEAR)
        pixels = np.ascontiguousarray(np.asarray(rgb).transpose(2, 0, 1))
        np.multiply(pixels, gain[:, None, None], out=planes, casting="same_kind")
        if bias.any():
            planes += bias[:, None, None]
        return tensor

    def restore_points(self, points: Floats) -> Floats:
        """Points (..., 2) from input pixels to the picture or beyond its edges."""
        offset = np.array([self.left, self.top], dtype=np.float32)
        scale = np.array([self.scale_x, self.scale_y], dtype=np.float32)
        restored: Floats = (points - offset) / scale
        return restored

    def restore(self, boxes: Floats) -> Floats:
        """Boxes (n, 4) x1, y1, x2, y2 from input pixels to the picture, clipped to it."""
        offset = np.array([self.left, self.top] * 2, dtype=np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, dtype=np.float32)
        limit = np.array([self.width, self.height] * 2, dtype=np.float32)
        restored: Floats = np.clip((boxes - offset) / scale, 0, limit)
        return restored
