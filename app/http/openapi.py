"""Parts of /openapi.json that types cannot express: errors, headers and the body of /detect."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, Field, WithJsonSchema
from pydantic.json_schema import models_json_schema

from app.errors import PUBLIC_ERRORS, Overloaded, SpotterError, TooManyRequests
from app.errors.problem import MEDIA_TYPE, problem_members
from app.service.schemas import Problem
from app.vision.images import formats

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/{model}"
_BINARY: Json = {"type": "string", "format": "binary"}

_TABLE = "\n".join(
    f"| `{error.__name__}` | {error.status} | {error.title} |" for error in PUBLIC_ERRORS
)
DESCRIPTION = f"""Object detection over HTTP: POST an image, get labels, probabilities and boxes.

<details><summary>Errors are <code>application/problem+json</code> (RFC 9457), with a stable
<code>code</code> for programs</summary>

| code | status | meaning |
| --- | --- | --- |
{_TABLE}

</details>
"""

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
            "description": "Remaining requests, and seconds until there is one more.",
            "schema": {"type": "string"},
            "example": '"default";r=0;t=7',
        },
        "RateLimit-Policy": {
            "description": "Number of allowed requests, and their period in seconds.",
            "schema": {"type": "string"},
            "example": '"default";q=60;w=60',
        },
    },
}


class ImageForm(BaseModel):
    file: Annotated[bytes, WithJsonSchema(_BINARY)] = Field(
        description="The image. The field may also be named `image`."
    )


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _SCHEMAS.format(model=model.__name__)}


# FastAPI declares one media type per body. JSON is accepted but not declared: generated clients
# would choose it for uploads, and send the file's name or its bytes as text.
DETECT_BODY: Json = {
    "requestBody": {
        "required": True,
        "description": f"The image: {formats.listed()}; at most 20 MiB and"
        " 50 million pixels, unless the server is configured"
        " otherwise. A raw image may be declared as any type.",
        "content": {
            "multipart/form-data": {"schema": _ref(ImageForm)},
            "application/octet-stream": {"schema": _BINARY},
        },
    }
}
DETECT_ANSWERS: dict[int | str, Json] = {
    200: {
        "description": "The objects, or the picture with its boxes drawn if the Accept header"
        " prefers image/jpeg or image/png to JSON.",
        "content": {"image/jpeg": {"schema": _BINARY}, "image/png": {"schema": _BINARY}},
        "headers": {
            "Server-Timing": {
                "description": "Milliseconds for decode, preprocess, inference and postprocess.",
                "schema": {"type": "string"},
                "example": "decode;dur=5.90, preprocess;dur=2.41, inference;dur=48.12,"
                " postprocess;dur=0.52",
            },
            "X-Request-Id": {
                "description": "The id that the request sent, or a new one; also in the log.",
                "schema": {"type": "string"},
            },
        },
    }
}


def responses(*errors: type[SpotterError]) -> dict[int | str, Json]:
    """Returns each status with an example for each of its codes."""
    by_status: dict[int | str, Json] = {}
    for error in errors:
        entry = by_status.setdefault(
            error.status,
            {
                "description": error.title,
                # FastAPI's "model" would also declare application/json
                "content": {MEDIA_TYPE: {"schema": _ref(Problem), "examples": {}}},
            },
        )
        if entry["description"] != error.title:
            entry["description"] += f" / {error.title}"
        example = problem_members(error, error.__name__, error.example)
        entry["content"][MEDIA_TYPE]["examples"][error.__name__] = {"value": example}
        if headers := _HEADERS.get(error):
            entry["headers"] = headers
    return by_status


class DocumentedFastAPI(FastAPI):
    keys_required: bool = True
    """If false, the key is documented as optional; else generated clients require one."""

    def openapi(self) -> Json:
        """FastAPI's document, with the schemas of models that are only referenced."""
        if self.openapi_schema is None:
            _, named = models_json_schema(
                [(Problem, "validation"), (ImageForm, "validation")], ref_template=_SCHEMAS
            )
            document = super().openapi()
            document["components"]["schemas"].update(named["$defs"])
            if not self.keys_required:
                _make_keys_optional(document)
        return super().openapi()


def _make_keys_optional(document: Json) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            if "security" in operation:
                operation["security"].insert(0, {})
