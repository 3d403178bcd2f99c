"""What a DetectLabels request may say: the service's own names, limits and defaults."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError

from app.rekognition.errors import (
    AwsError,
    ImageTooLargeException,
    InvalidParameterException,
    SerializationException,
)
from app.service.base64_json import Base64Model, TooManyValues, read_base64_json

MAX_IMAGE_BYTES = 5 * 1024 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024
"""The largest image as base64, and room for the rest."""
_MAX_LABELS = 1000
_MIN_CONFIDENCE = 55.0
_MAX_DOMINANT_COLORS = 10

# Ends of the types of error that pydantic reports of values that AWS could not have read at all.
_UNREADABLE = ("_type", "_parsing")


class Feature(StrEnum):
    GENERAL_LABELS = "GENERAL_LABELS"
    IMAGE_PROPERTIES = "IMAGE_PROPERTIES"


class _Shape(Base64Model):
    """Unknown members are ignored and null means absent, as AWS has it.

    Validators are built at the first request: most servers never get one.
    """

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, defer_build=True)


class StoredImage(_Shape):
    Bucket: Annotated[str, Field(pattern=r"^[0-9A-Za-z.\-_]*$", min_length=3, max_length=255)]
    Name: Annotated[str, Field(min_length=1, max_length=1024)]
    Version: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class SentImage(_Shape):
    Bytes: bytes | None = None
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
    """The request without its image, and the image if it came with the request.

    Raises SerializationException, InvalidParameterException or ImageTooLargeException.
    """
    try:
        request = read_base64_json(DetectLabelsRequest, body, "Image", "Bytes")
    except ValidationError as error:
        raise _refusal(error) from error
    except TooManyValues as error:
        raise InvalidParameterException(str(error)) from error
    if (request.Image.Bytes is None) == (request.Image.S3Object is None):
        raise InvalidParameterException("Image: has to carry either Bytes or an S3Object.")
    image, request.Image.Bytes = request.Image.Bytes, None
    if image is not None:
        _check_size(image)
    return request, image


def _refusal(error: ValidationError) -> AwsError:
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "json_invalid":
        return SerializationException("The request is not JSON.")
    where = ".".join(str(part)[:40] for part in first["loc"])
    if first["type"] == "bytes_invalid_encoding":
        return SerializationException(f"{where}: is not base64.")
    message = f"{where}: {first['msg']}." if where else f"{first['msg']}."
    if first["type"].endswith(_UNREADABLE):
        return SerializationException(message)
    return InvalidParameterException(message)


def _check_size(image: bytes) -> None:
    if not image:
        raise InvalidParameterException("Image.Bytes: is empty.")
    if len(image) > MAX_IMAGE_BYTES:
        raise ImageTooLargeException(
            f"Image.Bytes: at most {MAX_IMAGE_BYTES} bytes may be sent. Send a smaller image, or"
            " name one in S3."
        )
