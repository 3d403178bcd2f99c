"""What an ONNX file says of itself, and the one form in which Spotter writes it.

The kit stores a ``Description`` as JSON under the metadata key ``spotter``; files of the
Ultralytics exporters carry their own keys instead, which ``model.py`` translates into the same
``Description``. Everything after that sees only this form.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

METADATA_KEY = "spotter"

Family = Literal["yolov8", "yolov5", "end2end", "yolox", "detr"]
Fit = Literal["letterbox", "corner", "stretch"]
Resample = Literal["antialias", "bilinear"]
Triple = tuple[float, float, float]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=1, le=8192)]


class InputSpec(BaseModel):
    """How pixels become the input tensor: ``(pixel - mean) / std`` for pixels 0..255, NCHW.

    ``fit`` names how a picture is laid into ``size``: ``letterbox`` keeps its proportions and
    centres it, ``corner`` keeps them and pads at the right and the bottom, ``stretch`` does not
    keep them. ``resample`` is how it is scaled down: ``antialias`` weighs all pixels (bilinear as
    Pillow and torchvision do it), ``bilinear`` the nearest four (as OpenCV does it); a detector
    does best with what it was trained or quantised with. ``mean`` and ``std`` are in the order
    of ``channels``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[Side, Side]
    """Height and width in pixels; for dynamic axes the largest."""
    stride: Annotated[int, Field(ge=1, le=256)] = 32
    fit: Fit = "letterbox"
    resample: Resample = "antialias"
    pad_value: Annotated[int, Field(ge=0, le=255)] = 114
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: Triple = (0.0, 0.0, 0.0)
    std: tuple[_Positive, _Positive, _Positive] = (255.0, 255.0, 255.0)


class Description(BaseModel):
    """Labels, family and input of a detector: all that is needed to run the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family
    name: Annotated[str, Field(min_length=1, max_length=100)]
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    """In class order: the label of class 0 first."""
    input: InputSpec
    license: str = "unknown"
    iou: Annotated[float, Field(ge=0, le=1)] | None = None
    """Boxes of one label that overlap by more are one object, where nobody says otherwise."""


def first_problem(error: ValidationError) -> str:
    """Where the metadata is not valid, and why, in one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"at '{where}': {first['msg']}"
