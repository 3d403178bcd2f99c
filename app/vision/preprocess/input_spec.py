"""How a picture is converted to a model's input tensor."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fit = Literal["letterbox", "area", "corner", "stretch", "crop"]
Resample = Literal["antialias", "bilinear", "bicubic"]
_Triple = tuple[float, float, float]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Side = Annotated[int, Field(ge=1, le=8192)]


class InputSpec(BaseModel):
    """The tensor is NCHW and holds ``(pixel - mean) / std`` for pixels 0..255.

    ``fit`` lays a picture into ``size``: ``letterbox`` keeps its proportions and centres it,
    ``area`` does the same, but takes the rectangle of that area in which the picture is largest if
    the file's axes are dynamic, so that pictures of all proportions take the same time,
    ``corner`` keeps them and pads at the right and the bottom, ``stretch`` does not keep them,
    ``crop`` scales the shorter side to ``shorter_side`` and cuts ``size`` out of the middle.
    ``resample`` scales it down: ``antialias`` weighs all pixels (bilinear in Pillow and
    torchvision), ``bilinear`` the nearest four (OpenCV), ``bicubic`` all pixels, and sharper
    (Pillow). A detector is most accurate with the method that it was trained or quantised with.
    ``mean`` and ``std`` are in the order of ``channels``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[_Side, _Side]
    """Height and width in pixels. If the file's axes are dynamic, these are the largest ones; for
    ``area``, only their product is a limit."""
    stride: Annotated[int, Field(ge=1, le=256)] = 32
    fit: Fit = "letterbox"
    shorter_side: _Side | None = None
    """Pixels of the picture's shorter side for ``crop``; None for the shorter of ``size``."""
    resample: Resample = "antialias"
    pad_value: Annotated[int, Field(ge=0, le=255)] = 114
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: _Triple = (0.0, 0.0, 0.0)
    std: tuple[_Positive, _Positive, _Positive] = (255.0, 255.0, 255.0)
