"""A model's description (labels, family and input) and how a file stores it.

The kit writes a ``Description`` as JSON under the metadata key ``spotter``. Files of the
Ultralytics exporters have other keys, which ``model/ultralytics.py`` translates into the same form.
The rest of the code sees only this form.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from app.errors import StartError
from app.vision import families
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec

METADATA_KEY = "spotter"


def _known(name: str) -> str:
    if name not in families.NAMES:
        raise ValueError(f"{name!r} is not one of the families {', '.join(families.NAMES)}")
    return name


class Description(BaseModel):
    """Everything needed to run a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Annotated[str, AfterValidator(_known)]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    """In class order: the label of class 0 comes first."""
    input: InputSpec
    output: OutputSpec | None = None
    """None if files of the family have only one meaning, or if this file has the usual one."""
    shapes: dict[str, tuple[int | None, ...]] | None = None
    """Output shapes, if the file itself leaves open those that identify the family."""
    license: str = "unknown"
    iou: Annotated[float, Field(ge=0, le=1)] | None = None
    """Default for the request's ``iou``; None for the service's own default."""
    agnostic_iou: Annotated[float, Field(ge=0, le=1)] | None = None
    """If two boxes of different labels have an IoU above this, the less probable one's score is
    multiplied by 1 - the other's. None if labels do not compete."""


def read(metadata: Mapping[str, str]) -> Description | None:
    """None if the metadata has no description. Raises StartError if it is not valid."""
    if METADATA_KEY not in metadata:
        return None
    try:
        return Description.model_validate_json(metadata[METADATA_KEY])
    except ValidationError as error:
        raise StartError(
            f"its metadata '{METADATA_KEY}' is not valid {first_problem(error)}"
        ) from error


def first_problem(error: ValidationError) -> str:
    """The first invalid field and the reason, on one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"at '{where}': {first['msg']}"
