"""What a DetectLabels request may say: the service's own names, limits and defaults."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.http.requests.encoded import TooMuchJson, decode, put_back, take_out
from app.rekognition.errors import (
    ImageTooLargeException,
    InvalidParameterException,
    SerializationException,
)

MAX_IMAGE_BYTES = 5 * 1024 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024
"""The largest image as base64, and room for the rest."""
_MAX_LABELS = 1000
_MIN_CONFIDENCE = 55.0
_MAX_DOMINANT_COLORS = 10

# The types that pydantic reports where AWS could not have read the value at all.
_UNREADABLE = ("json_invalid", "_type", "_parsing", "enum")


class Feature(StrEnum):
    GENERAL_LABELS = "GENERAL_LABELS"
    IMAGE_PROPERTIES = "IMAGE_PROPERTIES"


class _Shape(BaseModel):
    """Unknown members are ignored and null is absence, as AWS has it.

    Validators are built at the first request: most servers never get one.
    """

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, defer_build=True)


class StoredImage(_Shape):
    Bucket: Annotated[str, Field(pattern=r"^[0-9A-Za-z.\-_]*$", min_length=3, max_length=255)]
    Name: Annotated[str, Field(min_length=1, max_length=1024)]
    Version: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class SentImage(_Shape):
    Bytes: str | None = None
    S3Object: StoredImage | None = None


_Filter = Annotated[str, Field(max_length=50, pattern=r"^[A-Za-z0-9àâèçñó'\-_(). ]*$")]
_Filters = Annotated[list[_Filter], Field(max_length=100)] | None


class LabelFilters(_Shape):
    LabelInclusionFilters: _Filters = None
    LabelExclusionFilters: _Filters = None
    LabelCategoryInclusionFilters: _Filters = None
    LabelCategoryExclusionFilters: _Filters = None


class PropertySettings(_Shape):
    MaxDominantColors: Annotated[int, Field(ge=0, le=20)] | None = None


class FeatureSettings(_Shape):
    GeneralLabels: LabelFilters | None = None
    ImageProperties: PropertySettings | None = None


class DetectLabelsRequest(_Shape):
    Image: SentImage
    MaxLabels: Annotated[int, Field(ge=0)] | None = None
    MinConfidence: Annotated[float, Field(ge=0, le=100)] | None = None
    Features: Annotated[list[Feature], Field(max_length=2)] | None = None
    Settings: FeatureSettings | None = None

    @property
    def max_labels(self) -> int:
        return _MAX_LABELS if self.MaxLabels is None else min(self.MaxLabels, _MAX_LABELS)

    @property
    def min_confidence(self) -> float:
        return _MIN_CONFIDENCE if self.MinConfidence is None else self.MinConfidence

    @property
    def features(self) -> set[Feature]:
        return set(self.Features or (Feature.GENERAL_LABELS,))

    @property
    def filters(self) -> LabelFilters:
        return (self.Settings and self.Settings.GeneralLabels) or LabelFilters()

    @property
    def max_dominant_colors(self) -> int:
        properties = self.Settings.ImageProperties if self.Settings else None
        given = properties.MaxDominantColors if properties else None
        return _MAX_DOMINANT_COLORS if given is None else given


def parse(body: bytes) -> tuple[DetectLabelsRequest, bytes | None]:
    """The request, and its ``Image.Bytes`` as they were written, for ``decode_bytes``.

    Raises SerializationException or InvalidParameterException.
    """
    try:
        rest, sent = take_out(body, "Bytes")
        request = DetectLabelsRequest.model_validate_json(rest)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        message = f"{where}: {first['msg']}." if where else f"{first['msg']}."
        if first["type"].endswith(_UNREADABLE) and first["type"] != "enum":
            raise SerializationException(message) from error
        raise InvalidParameterException(message) from error
    except TooMuchJson as error:
        raise InvalidParameterException(str(error)) from error
    except ValueError as error:
        raise SerializationException("The request is not JSON.") from error
    if (request.Image.Bytes is None) == (request.Image.S3Object is None):
        raise InvalidParameterException("Image: has to carry either Bytes or an S3Object.")
    given, request.Image.Bytes = request.Image.Bytes, None
    return request, None if given is None else put_back(given, sent)


def decode_bytes(sent: bytes) -> bytes:
    """``Image.Bytes``. Raises InvalidParameterException, SerializationException or
    ImageTooLargeException.
    """
    try:
        image = decode(sent)
    except ValueError as error:
        raise SerializationException("Image.Bytes: is not base64.") from error
    if not image:
        raise InvalidParameterException("Image.Bytes: is empty.")
    if len(image) > MAX_IMAGE_BYTES:
        raise ImageTooLargeException(
            f"Image.Bytes: at most {MAX_IMAGE_BYTES} bytes may be sent. Send a smaller image, or"
            " name one in S3."
        )
    return image
