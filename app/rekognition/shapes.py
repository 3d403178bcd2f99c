"""Parts of requests that several operations share; parses a request's JSON."""

from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from app.rekognition.errors import (
    AwsError,
    ImageTooLargeException,
    InvalidImageFormatException,
    InvalidParameterException,
    SerializationException,
)
from app.vision.images.base64_json import Base64Model, TooManyValues, read_base64_json
from app.vision.images.visible_cause import is_base64_of_image

MAX_IMAGE_BYTES = 5 * 1024 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024
"""The largest image in base64 and the rest of the request."""

# Suffixes of pydantic's error types for values that AWS cannot deserialise.
_UNREADABLE = ("_type", "_parsing")


class Shape(Base64Model):
    """Unknown members are ignored and null means absent, as in AWS.

    Validators are built at the first request, since most servers never get one.
    """

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, defer_build=True)


class StoredImage(Shape):
    Bucket: Annotated[str, Field(pattern=r"^[0-9A-Za-z.\-_]*$", min_length=3, max_length=255)]
    Name: Annotated[str, Field(min_length=1, max_length=1024)]
    Version: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class SentImage(Shape):
    Bytes: bytes | None = None
    S3Object: StoredImage | None = None

    def take_bytes(self) -> bytes | None:
        """Removes and returns the image if the request contains it.

        Raises InvalidParameterException, ImageTooLargeException or InvalidImageFormatException.
        """
        if (self.Bytes is None) == (self.S3Object is None):
            raise InvalidParameterException("Image: has to carry either Bytes or an S3Object.")
        image, self.Bytes = self.Bytes, None
        if image is not None:
            _check(image)
        return image


class ImageRequest(Shape):
    """A request about one image."""

    Image: SentImage


S = TypeVar("S", bound=Shape)
R = TypeVar("R", bound=ImageRequest)


def read(shape: type[S], body: bytes) -> S:
    """Raises SerializationException or InvalidParameterException."""
    try:
        return read_base64_json(shape, body, "Image", "Bytes")
    except ValidationError as error:
        raise _refusal(error) from error
    except TooManyValues as error:
        raise InvalidParameterException(str(error)) from error


def read_with_image(shape: type[R], body: bytes) -> tuple[R, bytes | None]:
    """Returns the request without its image, and the image if the request contains it.

    Raises SerializationException, InvalidParameterException, ImageTooLargeException or
    InvalidImageFormatException.
    """
    request = read(shape, body)
    return request, request.Image.take_bytes()


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


def _check(image: bytes) -> None:
    if not image:
        raise InvalidParameterException("Image.Bytes: is empty.")
    if len(image) > MAX_IMAGE_BYTES:
        raise ImageTooLargeException(
            f"Image.Bytes: at most {MAX_IMAGE_BYTES} bytes may be sent. Send a smaller image, or"
            " name one in S3."
        )
    if is_base64_of_image(image):
        raise InvalidImageFormatException(
            "Image.Bytes: is base64 twice. SDKs encode the image themselves: give them its bytes."
        )
