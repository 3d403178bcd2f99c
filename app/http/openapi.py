"""What the OpenAPI document says beyond the types of the code: forms, examples, errors."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from app.errors import (
    PUBLIC_ERRORS,
    AccessDenied,
    BadRequest,
    ImageTooLarge,
    InternalError,
    InvalidImage,
    InvalidImageFormat,
    InvalidParameter,
    MethodNotAllowed,
    MisdirectedRequest,
    ModelUnavailable,
    NotFound,
    Overloaded,
    RequestTimeout,
    SpotterError,
    TooManyRequests,
)
from app.errors.problem import problem_body
from app.http.requests.s3_reference import ObjectReference
from app.http.responses.media_types import PROBLEM
from app.service.schemas import Problem
from app.vision.images import formats

Json = dict[str, Any]

_TABLE = "\n".join(
    f"| `{error.__name__}` | {error.status} | {error.title} |" for error in PUBLIC_ERRORS
)
DESCRIPTION = f"""Object detection over HTTP: POST an image, get labels, probabilities and boxes.

Errors are `application/problem+json` (RFC 9457). Programs should look at `code`:

| code | status | meaning |
| --- | --- | --- |
{_TABLE}
"""

DETECT = """The image comes in one of these forms; its format is found from its bytes:

```sh
curl -F file=@photo.jpg http://localhost:8000/detect
curl --data-binary @photo.jpg http://localhost:8000/detect
curl -d '{"image": "<base64>"}' http://localhost:8000/detect
curl -H 'Content-Type: application/json' -d '{"s3": {"bucket": "photos", "key": "bus.jpg"}}' \\
  http://localhost:8000/detect
```

S3 answers only where the server was set up for the bucket. With `Accept: image/jpeg` or
`image/png` the answer is the picture with its boxes drawn. Images are never kept."""

ERROR_DETAILS: Mapping[type[SpotterError], str] = {
    InvalidImageFormat: "This is not an image known here."
    f" Send one of {', '.join(formats.names())}.",
    InvalidImage: "The image begins like one that is allowed but cannot be read to its end:"
    " it is truncated or corrupt.",
    ImageTooLarge: "The request's body is larger than 20971520 bytes. Send a smaller image.",
    InvalidParameter: "confidence=2: Input should be less than or equal to 1.",
    BadRequest: "This is not valid HTTP.",
    AccessDenied: "Send a valid API key in the header X-API-Key, or as"
    " 'Authorization: Bearer KEY'.",
    NotFound: "There is nothing at /detct; /docs lists what is.",
    MethodNotAllowed: "/detect does not take GET, but POST.",
    MisdirectedRequest: "This server is for its own machine and takes no request for"
    " 'pages.example'. Use localhost or an IP address, or add the name to SPOTTER_ALLOWED_HOSTS.",
    RequestTimeout: "The body did not arrive in time. Send a smaller image, or over a faster line.",
    TooManyRequests: "60 requests a minute are allowed. Try again in 7 seconds.",
    Overloaded: "34 images are being worked on or waiting, as many as may be.",
    ModelUnavailable: "The server is shutting down. Try again elsewhere or later.",
    InternalError: "The server's log says more, under the request id 0123456789abcdef.",
}

_RETRY_AFTER: Json = {
    "Retry-After": {
        "description": "Whole seconds after which there is likely to be room.",
        "schema": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "example": "7",
    }
}
_HEADERS: Mapping[type[SpotterError], Json] = {
    Overloaded: _RETRY_AFTER,
    TooManyRequests: {
        **_RETRY_AFTER,
        "RateLimit": {
            "description": "What remains, and in how many seconds there is one more.",
            "schema": {"type": "string"},
            "example": '"default";r=0;t=7',
        },
        "RateLimit-Policy": {
            "description": "How many requests in how many seconds.",
            "schema": {"type": "string"},
            "example": '"default";q=60;w=60',
        },
    },
}

_BINARY: Json = {"type": "string", "format": "binary"}
_DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQAAAADsdIMmAAAAC0lEQVR42mNgQAUAABAAAaoZ+IIAAAAASUVORK5CYII="
)


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _only(name: str, schema: Json, description: str) -> Json:
    return {
        "type": "object",
        "description": description,
        "properties": {name: schema},
        "required": [name],
        "additionalProperties": False,
    }


@cache
def schemas() -> dict[str, Json]:
    """Those that no route names in its types."""
    return {
        "Problem": Problem.model_json_schema(),
        "ImageForm": {
            "type": "object",
            "properties": {"file": {**_BINARY, "description": "The image; or named `image`."}},
            "required": ["file"],
        },
        "ImageBase64": _only(
            "image",
            {"type": "string", "format": "byte", "description": "base64, also as a data: URL."},
            "An image within JSON.",
        ),
        "ImageInS3": _only(
            "s3", ObjectReference.model_json_schema(), "An image by its name in S3."
        ),
    }


REQUEST_BODY: Json = {
    "requestBody": {
        "required": True,
        "description": f"The image: {formats.listed()}; at most 20 MiB and"
        " 50 million pixels, unless the server was set up"
        " otherwise. Sent as it is, it may be declared as any type.",
        "content": {
            "multipart/form-data": {"schema": _ref("ImageForm")},
            "application/octet-stream": {"schema": _BINARY},
            "application/json": {
                "schema": {"oneOf": [_ref("ImageBase64"), _ref("ImageInS3")]},
                "examples": {
                    "base64": {"summary": "A black dot, as base64", "value": {"image": _DOT}},
                    "s3": {
                        "summary": "An object in S3",
                        "value": {"s3": {"bucket": "photos", "key": "bus.jpg"}},
                    },
                },
            },
        },
    }
}

ANSWERS: dict[int | str, Json] = {
    200: {
        "description": "The objects; or the picture with its boxes drawn, where the Accept header"
        " prefers image/jpeg or image/png to JSON.",
        "content": {"image/jpeg": {"schema": _BINARY}, "image/png": {"schema": _BINARY}},
        "headers": {
            "Server-Timing": {
                "description": "Milliseconds of decode, preprocess, inference and postprocess.",
                "schema": {"type": "string"},
                "example": "decode;dur=5.90, preprocess;dur=2.41, inference;dur=48.12,"
                " postprocess;dur=0.52",
            },
            "X-Request-Id": {
                "description": "The request's own, or a new one; the log has it, too.",
                "schema": {"type": "string"},
            },
        },
    }
}


def responses(*errors: type[SpotterError]) -> dict[int | str, dict[str, Any]]:
    """Each status with an example of each of its codes."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        entry = by_status.setdefault(
            error.status,
            {
                "description": error.title,
                # FastAPI's "model" would promise application/json, too
                "content": {PROBLEM: {"schema": _ref("Problem"), "examples": {}}},
            },
        )
        if entry["description"] != error.title:
            entry["description"] += f" / {error.title}"
        entry["content"][PROBLEM]["examples"][error.__name__] = {"value": _example(error)}
        if headers := _HEADERS.get(error):
            entry["headers"] = headers
    return by_status


def _example(error: type[SpotterError]) -> Mapping[str, Any]:
    sample = error.__new__(error)
    SpotterError.__init__(sample, ERROR_DETAILS[error])
    return problem_body(sample)
