"""Errors as RFC 9457 problem details."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from app.api.reference import ERROR_DETAILS, HEADERS, PROBLEM
from app.errors import (
    InternalError,
    InvalidParameter,
    MethodNotAllowed,
    NotFound,
    SpotterError,
)

MEDIA_TYPE = "application/problem+json"


def problem_body(error: SpotterError) -> dict[str, Any]:
    return {
        "type": f"urn:spotter:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }


class ProblemResponse(Response):
    media_type = MEDIA_TYPE

    def __init__(self, error: SpotterError) -> None:
        super().__init__(json.dumps(problem_body(error)), error.status, dict(error.headers))
        self._code = error.code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if exchange := scope.get("state", {}).get("exchange"):
            exchange.code = self._code
        await super().__call__(scope, receive, send)


def problem_response(error: SpotterError) -> Response:
    return ProblemResponse(error)


def problem_bytes(error: SpotterError, **headers: str) -> bytes:
    """As it goes over the wire, for where there is no ASGI yet."""
    body = json.dumps(problem_body(error))
    lines = [
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "x-content-type-options: nosniff",
        *(f"{name.lower()}: {value}" for name, value in {**error.headers, **headers}.items()),
    ]
    return "\r\n".join([*lines, "", body]).encode()


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(SpotterError, _on_spotter_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)


def responses(*errors: type[SpotterError]) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: each status with an example of each of its codes."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        entry = by_status.setdefault(
            error.status,
            {
                "description": error.title,
                # FastAPI's "model" would promise application/json, too
                "content": {MEDIA_TYPE: {"schema": PROBLEM, "examples": {}}},
            },
        )
        if entry["description"] != error.title:
            entry["description"] += f" / {error.title}"
        entry["content"][MEDIA_TYPE]["examples"][error.__name__] = {"value": _example(error)}
        if headers := HEADERS.get(error):
            entry["headers"] = headers
    return by_status


def _example(error: type[SpotterError]) -> Mapping[str, Any]:
    sample = error.__new__(error)
    SpotterError.__init__(sample, ERROR_DETAILS[error])
    return problem_body(sample)


async def _on_spotter_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpotterError)
    return problem_response(error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own: a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    path = request.scope["path"][:100]
    if error.status_code == 404:
        return problem_response(NotFound(f"There is nothing at {path}; /docs lists what is."))
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow")
        detail = f"{path} does not take {request.method[:20]}, but {allow}."
        return problem_response(MethodNotAllowed(detail, allow))
    if 400 <= error.status_code < 500:
        return problem_response(InvalidParameter(str(error.detail)[:200]))
    return problem_response(InternalError("The request could not be handled."))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])[:100]
    if first["type"] == "extra_forbidden":
        detail = f"There is no parameter {name!r} here; /docs lists those that are."
    else:
        given = str(first.get("input"))[:100]
        detail = f"{name}={given}: {first['msg']}."
    return problem_response(InvalidParameter(detail))
