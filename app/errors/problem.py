"""Errors as RFC 9457 problem details."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.types import Receive, Scope, Send

from app.errors import (
    InternalError,
    InvalidParameter,
    MethodNotAllowed,
    NotFound,
    SpotterError,
)
from app.http.responses.media_types import PROBLEM


def problem_body(error: SpotterError) -> dict[str, Any]:
    return {
        "type": f"urn:spotter:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }


class ProblemResponse(Response):
    media_type = PROBLEM

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
        f"content-type: {PROBLEM}",
        f"content-length: {len(body)}",
        "x-content-type-options: nosniff",
        *(f"{name.lower()}: {value}" for name, value in {**error.headers, **headers}.items()),
    ]
    return "\r\n".join([*lines, "", body]).encode()


def add_handlers(app: Starlette) -> None:
    app.add_exception_handler(SpotterError, _on_spotter_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


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
        named = (error.headers or {}).get("Allow", "GET, HEAD")  # a folder of files names none
        allow = ", ".join(sorted({*named.split(", "), *_methods(request)}))
        detail = f"{path} does not take {request.method[:20]}, but {allow}."
        return problem_response(MethodNotAllowed(detail, allow))
    if 400 <= error.status_code < 500:
        return problem_response(InvalidParameter(str(error.detail)[:200]))
    return problem_response(InternalError("The request could not be handled."))


def _methods(request: Request) -> Iterator[str]:
    """The methods of all routes at the request's path: the error names those of one route."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in routes):
            yield method
