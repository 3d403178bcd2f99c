"""How a picture becomes a model's input tensor."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fit = Literal["letterbox", "corner", "stretch"]
Resample = Literal["antialias", "bilinear"]
_Triple = tuple[float, float, float]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Side = Annotated[int, Field(ge=1, le=8192)]


class InputSpec(BaseModel):
    """The tensor is NCHW and holds ``(pixel - mean) / std`` for pixels 0..255.

    ``fit`` lays a picture into ``size``: ``letterbox`` keeps its proportions and centres it,
    ``corner`` keeps them and pads at the right and the bottom, ``stretch`` does not keep them.
    ``resample`` scales it down: ``antialias`` weighs all pixels (bilinear in Pillow and
    torchvision), ``bilinear`` the nearest four (OpenCV). A detector is most accurate with the
    method that it was trained or quantised with. ``mean`` and ``std`` are in the order of
    ``channels``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[_Side, _Side]
    """Height and width in pixels; the largest ones if the file's axes are dynamic."""
    stride: Annotated[int, Field(ge=1, le=256)] = 32
    fit: Fit = "letterbox"
    resample: Resample = "antialias"
    pad_value: Annotated[int, Field(ge=0, le=255)] = 114
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: _Triple = (0.0, 0.0, 0.0)
    std: tuple[_Positive, _Positive, _Positive] = (255.0, 255.0, 255.0)
