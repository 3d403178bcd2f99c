"""Errors as problem details (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import SpotterError

MEDIA_TYPE = "application/problem+json"


def problem_body(error: SpotterError) -> dict[str, Any]:
    return problem_members(type(error), error.code, error.detail)


def problem_members(kind: type[SpotterError], code: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:spotter:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
    }


class ProblemResponse(Response):
    media_type = MEDIA_TYPE

    def __init__(self, error: SpotterError) -> None:
        super().__init__(json.dumps(problem_body(error)), error.status, dict(error.headers))
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if record := scope.get("state", {}).get("record"):
            record.refuse(self._error)
        await super().__call__(scope, receive, send)


def problem_bytes(error: SpotterError, **headers: str) -> bytes:
    """The whole HTTP response, for code that runs before ASGI."""
    body = json.dumps(problem_body(error))
    lines = [
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "x-content-type-options: nosniff",
        *(f"{name.lower()}: {value}" for name, value in {**error.headers, **headers}.items()),
    ]
    return "\r\n".join([*lines, "", body]).encode()
