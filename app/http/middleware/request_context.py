"""One request from its first to its last byte: its id, its log line, and no error unanswered."""

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.admission.request_memory import Parcel
from app.errors import BadRequest, ModelUnavailable
from app.errors.problem import problem_response
from app.errors.unexpected import disguised
from app.service.service import Service

REQUEST_ID = "X-Request-Id"
_ACCEPTED_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)
_LONGEST_METHOD, _LONGEST_PATH = 20, 500  # characters, in the log
_log = logging.getLogger("spotter.request")


class RequestContext:
    """Outermost: gives the request its id and writes its log line.

    Handlers add to the line through ``request.state.facts``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        facts: dict[str, object] = {}
        service = _service(scope)
        parcel = service.intake.parcel() if service else None
        state = scope.setdefault("state", {})
        state["facts"], state["request_id"], state["parcel"] = facts, request_id, parcel
        status: int | None = None
        received = 0
        waits_to_send = "100-continue" in Headers(scope=scope).get("expect", "").lower()

        async def counting_receive() -> Message:
            nonlocal received, waits_to_send
            waits_to_send = False  # it has been told to go on
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def marking_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
                if service and service.draining:
                    headers["Connection"] = "close"  # else the next request would be lost
                if waits_to_send:
                    # It may send its body nevertheless, or the next request: nobody could tell.
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self.app(scope, counting_receive, marking_send)
        finally:
            if parcel:
                parcel.release()
            fields = {
                "id": request_id,
                "method": scope["method"][:_LONGEST_METHOD],
                "path": scope["path"][:_LONGEST_PATH],
                "status": status,
                "bytes": received,
                "ms": round((time.perf_counter() - began) * 1000, 1),
                **facts,
            }
            _log.info("request", extra={"fields": fields})


class ErrorBoundary:
    """Innermost, so that other middleware (CORS) still sees the answer: what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _has_two_ends(scope):
            refused = BadRequest("Send Content-Length or Transfer-Encoding, not both.")
            await problem_response(refused)(scope, receive, send)
            return
        started = False

        async def watching_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watching_send)
        except ClientDisconnect:
            scope["state"]["facts"]["gone"] = True  # there is nobody to answer
        except (Exception, asyncio.CancelledError) as error:
            if started and isinstance(error, asyncio.CancelledError):
                return  # uvicorn closes the connection of an answer that is not complete
            if started:
                raise
            told = disguised(error, scope["state"]["request_id"])
            await problem_response(told)(scope, receive, send)


class RootPath:
    """Sets the path that a proxy cut off, which FastAPI's own argument is deprecated for.

    As ASGI wants it, the request's path then has it in front, whether the proxy left it or not.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope.get("root_path"):
            scope["root_path"] = self.root_path
            if not f"{scope['path']}/".startswith(f"{self.root_path}/"):
                scope["path"] = self.root_path + scope["path"]
            elif scope["path"] == self.root_path:
                scope["path"] += "/"  # the front page, as people type its address
        await self.app(scope, receive, send)


def parcel_of(request: Request) -> Parcel:
    """What the request holds in memory, until it has been answered."""
    parcel: Parcel = request.state.parcel
    return parcel


def service_of(request: Request) -> Service:
    """Raises ModelUnavailable."""
    service = _service(request.scope)
    if service is None:
        raise ModelUnavailable("The model is not loaded.")
    return service


def _service(scope: Scope) -> Service | None:
    """None before the model is loaded."""
    return getattr(scope["app"].state, "service", None)


def _has_two_ends(scope: Scope) -> bool:
    """What is in front may have gone by the other, and taken what follows for a new request."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _ACCEPTED_ID.fullmatch(given) else uuid.uuid4().hex
