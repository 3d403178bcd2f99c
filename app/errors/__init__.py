"""The errors that Spotter reports, one class per error code of the public API.

    SpotterError
    ├── InvalidImageFormat   415  not an image, or a format that is not allowed
    ├── InvalidImage         422  an allowed format that cannot be decoded
    ├── ImageTooLarge        413  too many bytes or pixels, found before any decoding
    ├── InvalidParameter     422  an option that cannot be used
    │   └── InvalidObject         an image in S3 that cannot be read
    │       └── ObjectMissing     an image in S3 that does not exist
    ├── BadRequest           400  malformed HTTP
    ├── AccessDenied         401  an API key is required and missing or wrong
    ├── Forbidden            403  needs an API key, and the server has none
    ├── NotFound             404  no such path
    ├── MethodNotAllowed     405  the path exists, but not for this method
    ├── RequestTimeout       408  the body did not arrive in time
    ├── MisdirectedRequest   421  a Host that a server on loopback does not accept
    ├── TooManyRequests      429  a client's rate limit is exceeded
    ├── Overloaded           503  the bounded queue is full
    │   └── StorageBusy           S3 or DynamoDB is busy or cannot be reached
    ├── ModelUnavailable     503  not loaded, failed, or draining
    └── InternalError        500  anything else

    StartError                    a setting or a model file that prevents the start

The code is the name of the class; InvalidObject, ObjectMissing and StorageBusy have their parent's
code.
Messages are for the person who sent the request. They say what is wrong and how to fix it, and
never quote more than a short piece of the input.
"""

from collections.abc import Mapping
from typing import ClassVar


class SpotterError(Exception):
    status: ClassVar[int]
    title: ClassVar[str]
    example: ClassVar[str]
    """An example of ``detail`` for the API's documentation."""
    headers: Mapping[str, str] = {}
    """Headers of the answer."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def code(self) -> str:
        return type(self).__name__


class InvalidImageFormat(SpotterError):
    status = 415
    title = "Not an image format that is served here"
    example = "This is not an image known here. Send one of JPEG, PNG, WEBP."


class InvalidImage(SpotterError):
    status = 422
    title = "The image cannot be decoded"
    example = (
        "The image begins like one that is allowed but cannot be read to its end:"
        " it is truncated or corrupt."
    )


class ImageTooLarge(SpotterError):
    status = 413
    title = "The image is too large"
    example = "The request's body is larger than 20971520 bytes. Send a smaller image."


class InvalidParameter(SpotterError):
    status = 422
    title = "A parameter cannot be used"
    example = "confidence=2: Input should be less than or equal to 1."


class InvalidObject(InvalidParameter):
    @property
    def code(self) -> str:
        return InvalidParameter.__name__


class ObjectMissing(InvalidObject):
    pass


class BadRequest(SpotterError):
    status = 400
    title = "Not a request that can be read"
    example = "This is not valid HTTP."
    headers: Mapping[str, str] = {"Connection": "close"}


class AccessDenied(SpotterError):
    status = 401
    title = "A valid API key is required"
    example = "Send a valid API key in the header X-API-Key, or as 'Authorization: Bearer KEY'."
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer realm="spotter"'}


class Forbidden(SpotterError):
    status = 403
    title = "Not for everybody"
    example = (
        "Searching needs an API key, and this server has none: set SPOTTER_API_KEYS,"
        " or SPOTTER_SEARCH=open to search without a key."
    )


class NotFound(SpotterError):
    status = 404
    title = "No such path"
    example = "There is nothing at /detct; /docs lists what is."


class MethodNotAllowed(SpotterError):
    status = 405
    title = "The path does not take this method"
    example = "/detect does not accept GET, only POST."

    def __init__(self, detail: str, allow: str | None = None) -> None:
        super().__init__(detail)
        self.headers = {"Allow": allow} if allow else {}


class RequestTimeout(SpotterError):
    status = 408
    title = "The request did not arrive in time"
    example = "The body did not arrive in time. Send a smaller image or use a faster connection."
    # Not even the rest of the body is waited for.
    headers: Mapping[str, str] = {"Connection": "close"}


class MisdirectedRequest(SpotterError):
    status = 421
    title = "Not a name of this server"
    example = (
        "This server only serves its own machine and accepts no requests for 'pages.example'."
        " Use localhost or an IP address, or add the name to SPOTTER_ALLOWED_HOSTS."
    )


class _ComeBack(SpotterError):
    def __init__(self, detail: str, retry_after: int) -> None:
        """``retry_after`` is in whole seconds, at least 1; by then there is likely to be room."""
        super().__init__(detail)
        self.headers = {"Retry-After": str(retry_after)}


class TooManyRequests(_ComeBack):
    status = 429
    title = "Too many requests"
    example = "60 requests a minute are allowed. Try again in 7 seconds."


class Overloaded(_ComeBack):
    status = 503
    title = "All places are taken"
    example = "34 images are being processed or waiting, which is the limit."


class StorageBusy(Overloaded):
    title = "S3 or DynamoDB is not available"

    @property
    def code(self) -> str:
        return Overloaded.__name__


class ModelUnavailable(SpotterError):
    status = 503
    title = "The model is not available"
    example = "The server is shutting down. Try again elsewhere or later."


class InternalError(SpotterError):
    status = 500
    title = "Something went wrong here"
    example = "See the server's log for the request id 0123456789abcdef."


PUBLIC_ERRORS: tuple[type[SpotterError], ...] = (
    InvalidImageFormat,
    InvalidImage,
    ImageTooLarge,
    InvalidParameter,
    BadRequest,
    AccessDenied,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    MisdirectedRequest,
    TooManyRequests,
    Overloaded,
    ModelUnavailable,
    InternalError,
)


class StartError(Exception):
    """The service cannot start. The message is one line with the reason and the remedy."""
