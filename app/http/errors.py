"""Answers every error with problem details, whether it is expected or not."""

import asyncio
import errno
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import (
    BadRequest,
    InternalError,
    InvalidParameter,
    MethodNotAllowed,
    ModelUnavailable,
    NotFound,
    SpotterError,
)
from app.errors.problem import ProblemResponse
from app.http.requests.options import explained
from app.observability.request_record import RequestRecord

_log = logging.getLogger("spotter.request")


class ErrorBoundary:
    """Answers errors that no handler caught. Innermost, so that CORS headers are added to them.

    It also shortens the traceback of a failed start to one line.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, _one_line_errors(send))
            return
        if _has_two_ends(scope):
            refused = BadRequest("Send Content-Length or Transfer-Encoding, not both.")
            await ProblemResponse(refused)(scope, receive, send)
            return
        record: RequestRecord = scope["state"]["record"]
        started = False

        async def watching_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watching_send)
        except ClientDisconnect:
            record.client_gone = True  # the client has disconnected: there is no answer to send
        except (Exception, asyncio.CancelledError) as error:
            if started and isinstance(error, asyncio.CancelledError):
                return  # uvicorn closes the connection if the answer is incomplete
            if started:
                raise
            await ProblemResponse(to_client_error(error, record.id))(scope, receive, send)


def _has_two_ends(scope: Scope) -> bool:
    """Whether the body's end is ambiguous (request smuggling): a proxy may use the other header."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _one_line_errors(send: Send) -> Send:
    """Shortens the traceback that Starlette reports for a failed start to its last line."""

    async def shortened(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            last = message.get("message", "").strip().splitlines()[-1:]
            message["message"] = "".join(last).removeprefix("app.errors.StartError: ")
        await send(message)

    return shortened


def to_client_error(error: BaseException, request_id: str) -> SpotterError:
    """Logs ``error`` with its traceback, so call it while ``error`` is being handled.

    Only uvicorn cancels requests, at the end of its time for draining.
    """
    if isinstance(error, asyncio.CancelledError):
        return ModelUnavailable("The server shut down before the request was done. Try again.")
    fields = {"fields": {"id": request_id}}
    if _out_of_memory(error):
        _log.exception("out of memory", extra=fields)
        return ModelUnavailable("The server is out of memory. Try again later.")
    _log.exception("unexpected error", extra=fields)
    return InternalError(f"See the server's log for the request id {request_id}.")


def _out_of_memory(error: BaseException) -> bool:
    """onnxruntime has no exception class for it, so its allocators' messages are matched."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("bad_alloc", "Failed to allocate memory")
    )


class WrongMethod(HTTPException):
    """Raised by a catch-all route; ``methods`` are all methods of the path."""

    def __init__(self, methods: Iterable[str]) -> None:
        super().__init__(405, headers={"Allow": ", ".join(methods)})


async def _on_spotter_error(request: Request, error: SpotterError) -> Response:
    return ProblemResponse(error)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    return ProblemResponse(explained(error.errors()[0]))


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    """Answers Starlette's exceptions for unknown paths and methods."""
    path = request.scope["path"][:100]
    if error.status_code == 404:
        paths = ", ".join(request.app.state.paths)
        detail = f"There is nothing at {path}. The paths are {paths}; /docs describes them."
        return ProblemResponse(NotFound(detail))
    if error.status_code == 405:
        named = (error.headers or {}).get("Allow", "GET, HEAD")  # static files name no methods
        others = () if isinstance(error, WrongMethod) else _methods(request)
        allow = ", ".join(sorted({*named.split(", "), *others}))
        detail = f"{path} does not accept {request.method[:20]}, only {allow}."
        return ProblemResponse(MethodNotAllowed(detail, allow))
    if 400 <= error.status_code < 500:
        return ProblemResponse(InvalidParameter(str(error.detail)[:200]))
    return ProblemResponse(InternalError("The request could not be handled."))


def _methods(request: Request) -> Iterator[str]:
    """The methods of all routes with the request's path; the exception has those of one route."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in routes):
            yield method


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    SpotterError: _on_spotter_error,
    RequestValidationError: _on_validation_error,
    HTTPException: _on_http_exception,
}
