"""Reads the image in a JSON body, which is in base64 or named in S3."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from app.errors import InvalidImageFormat, InvalidParameter
from app.vision.images.base64_json import Base64Model, TooManyValues, read_base64_json
from app.vision.images.visible_cause import is_base64_of_image

_REFERENCE_BYTES = 16 * 1024  # a key has at most 1,024 bytes; JSON may write each as six
_NO_JSON = 'The body is not JSON. Send {"image": "<base64>"}.'
_ONLY_IMAGE = 'The JSON has to be {"image": "<base64>"}, with nothing else.'


class ImageBase64(Base64Model):
    """An image within JSON."""

    model_config = ConfigDict(extra="forbid")

    image: Annotated[bytes, WithJsonSchema({"type": "string", "format": "byte"})] = Field(
        description="The image in base64, or as a data: URL."
    )


class ObjectReference(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    bucket: str = Field(min_length=1, max_length=255)
    key: str = Field(min_length=1, max_length=1024)
    version: str | None = Field(None, min_length=1, max_length=1024)


class ImageInS3(BaseModel):
    """An image by its name in S3."""

    model_config = ConfigDict(extra="forbid")

    s3: ObjectReference


def read_json_image(body: bytes) -> bytes | ObjectReference:
    """Raises InvalidParameter for other JSON, and InvalidImageFormat if it is base64 twice."""
    try:
        if len(body) <= _REFERENCE_BYTES and b'"s3"' in body:
            return ImageInS3.model_validate_json(body).s3
        image = read_base64_json(ImageBase64, body, "image", spaces=True).image
    except TooManyValues as error:
        raise InvalidParameter(_ONLY_IMAGE) from error
    except ValidationError as error:
        raise InvalidParameter(_in_words(error)) from error
    if is_base64_of_image(image):
        raise InvalidImageFormat("image: is base64 twice. Encode the image's bytes once.")
    return image


def _in_words(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = [str(part)[:40] for part in first["loc"]]
    if first["type"] == "json_invalid":
        return _NO_JSON
    if where == ["image"]:
        if first["type"] == "bytes_type":
            return "image: has to be a string of base64."
        if first["type"] == "bytes_invalid_encoding":
            return f"image: is not base64 ({first['msg'].partition(': ')[2][:60]})."
        if error.title == ImageInS3.__name__:
            return 'The JSON has to be {"s3": {...}} or {"image": "..."}, not both.'
    if where[:1] == ["s3"]:
        name = ".".join(where)
        return f'{name}: {first["msg"]}. Send {{"s3": {{"bucket": "...", "key": "..."}}}}.'
    return _ONLY_IMAGE
