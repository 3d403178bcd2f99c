"""A picture into the input tensor, and boxes back onto the picture."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.vision.arrays import Array, Floats, FloatType
from app.vision.description import InputSpec, Resample


@dataclass(frozen=True)
class Letterbox:
    """Where one picture lies in one input tensor. All lengths in pixels."""

    width: int
    """Of the upright picture; ``height`` likewise."""
    height: int
    input_width: int
    input_height: int
    content_width: int
    """Of the scaled picture within the input, without its padding."""
    content_height: int
    left: int
    top: int
    scale_x: float
    """Input pixels for one pixel of the picture; ``scale_y`` likewise."""
    scale_y: float

    @classmethod
    def plan(cls, spec: InputSpec, width: int, height: int, *, rectangular: bool) -> "Letterbox":
        """Lay a ``width`` x ``height`` picture into the input.

        ``rectangular`` pads no further than to the next multiple of the stride, which the
        model's axes have to allow; otherwise the input is the whole of ``spec.size``.
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
        pixels = np.asarray(_resample(rgb, self.content, spec.resample))
        tensor = np.empty((1, 3, self.input_height, self.input_width), dtype=dtype)
        rows = slice(self.top, self.top + self.content_height)
        columns = slice(self.left, self.left + self.content_width)
        padded = self.content != (self.input_width, self.input_height)
        for plane, source in enumerate((0, 1, 2) if spec.channels == "rgb" else (2, 1, 0)):
            levels = _levels(spec.mean[plane], spec.std[plane], dtype)
            if padded:
                tensor[0, plane] = levels[spec.pad_value]
            np.take(levels, pixels[..., source], out=tensor[0, plane, rows, columns], mode="clip")
        return tensor

    def restore(self, boxes: Floats) -> Floats:
        """Boxes (n, 4) as x1, y1, x2, y2 in input pixels to clipped ones on the picture."""
        offset = np.array([self.left, self.top] * 2, dtype=np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, dtype=np.float32)
        limit = np.array([self.width, self.height] * 2, dtype=np.float32)
        restored: Floats = np.clip((boxes - offset) / scale, 0, limit)
        return restored


def _levels(mean: float, std: float, dtype: FloatType) -> Array:
    """The input value of each of the 256 pixel values."""
    return ((np.arange(256, dtype=np.float32) - np.float32(mean)) / np.float32(std)).astype(dtype)


def _resample(image: Image.Image, size: tuple[int, int], how: Resample) -> Image.Image:
    if image.size == size:
        return image
    if how == "antialias":
        return image.resize(size, Image.Resampling.BILINEAR)
    step_x, step_y = image.width / size[0], image.height / size[1]
    return image.transform(
        size,
        Image.Transform.AFFINE,
        (step_x, 0, 0, 0, step_y, 0),
        Image.Resampling.BILINEAR,
    )
