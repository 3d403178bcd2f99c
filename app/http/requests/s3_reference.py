"""``{"s3": {"bucket", "key", "version"?}}``: the image by its name in S3 instead of its bytes."""

import json

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import InvalidParameter

_LONGEST = 16 * 1024  # a key has at most 1,024 bytes; JSON may write each as six


class ObjectReference(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    bucket: str = Field(min_length=1, max_length=255)
    key: str = Field(min_length=1, max_length=1024)
    version: str | None = Field(None, min_length=1, max_length=1024)


def require_json(content_type: str) -> None:
    """Raises InvalidParameter for any other type.

    Pages of other sites can have a browser send any body, but not declared as JSON unless the
    server allows it (CORS): they could have objects read that only this machine may read.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidParameter(
            'Send {"s3": {...}} with the header Content-Type: application/json; a server without'
            " API keys asks for it."
        )


def object_reference(body: bytes) -> ObjectReference | None:
    """None where ``body`` is another form. Raises InvalidParameter for a wrong reference."""
    if len(body) > _LONGEST or body.lstrip()[:1] != b"{" or b'"s3"' not in body:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or "s3" not in value:
        return None
    if len(value) > 1:
        raise InvalidParameter('The JSON has to be {"s3": {...}} or {"image": "..."}, not both.')
    try:
        return ObjectReference.model_validate(value["s3"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["s3", *(str(part)[:40] for part in first["loc"])])
        raise InvalidParameter(
            f'{where}: {first["msg"]}. Send {{"s3": {{"bucket": "...", "key": "..."}}}}.'
        ) from error
