"""Answers every error with problem details, whether a route has raised it or nobody foresaw it."""

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
    """Answers what no handler caught. Innermost, so that other middleware sees the answer (CORS).

    Of a start that failed it makes one line.
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
            record.client_gone = True  # there is nobody to answer
        except (Exception, asyncio.CancelledError) as error:
            if started and isinstance(error, asyncio.CancelledError):
                return  # uvicorn closes the connection of an answer that is not complete
            if started:
                raise
            await ProblemResponse(to_client_error(error, record.id))(scope, receive, send)


def _has_two_ends(scope: Scope) -> bool:
    """A proxy in front may have believed the other header and taken what follows for a request."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _one_line_errors(send: Send) -> Send:
    """Starlette reports a failed start as a traceback; its last line is the one for people."""

    async def shortened(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            last = message.get("message", "").strip().splitlines()[-1:]
            message["message"] = "".join(last).removeprefix("app.errors.StartError: ")
        await send(message)

    return shortened


def to_client_error(error: BaseException, request_id: str) -> SpotterError:
    """Logs ``error`` with its traceback, so it has to be called while ``error`` is handled.

    Requests are cancelled by uvicorn alone, when its time to drain is over.
    """
    if isinstance(error, asyncio.CancelledError):
        return ModelUnavailable("The server has shut down before this was done. Try again.")
    fields = {"fields": {"id": request_id}}
    if _out_of_memory(error):
        _log.exception("out of memory", extra=fields)
        return ModelUnavailable("The server is short of memory. Try again later.")
    _log.exception("unexpected error", extra=fields)
    return InternalError(f"The server's log says more, under the request id {request_id}.")


def _out_of_memory(error: BaseException) -> bool:
    """onnxruntime has no class of its own for it, so its allocators' words are looked for."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("bad_alloc", "Failed to allocate memory")
    )


class WrongMethod(HTTPException):
    """Raised by a route that takes the place of others: ``methods`` are all that the path has."""

    def __init__(self, methods: Iterable[str]) -> None:
        super().__init__(405, headers={"Allow": ", ".join(methods)})


async def _on_spotter_error(request: Request, error: SpotterError) -> Response:
    return ProblemResponse(error)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    return ProblemResponse(explained(error.errors()[0]))


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    """Starlette raises it for a path or a method that does not exist."""
    path = request.scope["path"][:100]
    if error.status_code == 404:
        paths = ", ".join(request.app.state.paths)
        detail = f"There is nothing at {path}. The paths are {paths}; /docs describes them."
        return ProblemResponse(NotFound(detail))
    if error.status_code == 405:
        named = (error.headers or {}).get("Allow", "GET, HEAD")  # a folder of files names none
        others = () if isinstance(error, WrongMethod) else _methods(request)
        allow = ", ".join(sorted({*named.split(", "), *others}))
        detail = f"{path} does not take {request.method[:20]}, but {allow}."
        return ProblemResponse(MethodNotAllowed(detail, allow))
    if 400 <= error.status_code < 500:
        return ProblemResponse(InvalidParameter(str(error.detail)[:200]))
    return ProblemResponse(InternalError("The request could not be handled."))


def _methods(request: Request) -> Iterator[str]:
    """The methods of all routes at the request's path: the error names those of one route."""
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
