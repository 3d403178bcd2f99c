"""Keeps the record of a request from its first to its last byte, and calls its observers."""

import re
import time
import uuid
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.admission.request_memory import Reservation
from app.errors import ModelUnavailable
from app.observability.request_record import UNKNOWN_ROUTE, Observer, RequestRecord
from app.service.service import Service

REQUEST_ID = "X-Request-Id"
_ACCEPTED_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)


class RecordRequests:
    """Gives the request its id and its record, in ``scope["state"]["record"]``."""

    def __init__(self, app: ASGIApp, observers: Sequence[Observer]) -> None:
        """``observers`` may be extended later."""
        self.app = app
        self.observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        service = _loaded_service(scope)
        headers = Headers(scope=scope)
        record = RequestRecord(
            _request_id(headers),
            scope["method"],
            scope["path"],
            headers,
            service.memory.reservation() if service else None,
        )
        scope.setdefault("state", {})["record"] = record
        body = _CountedBody(record, receive)
        finishers = [observe(record) for observe in self.observers]

        async def marking_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                if record.detected_at:
                    record.add_stage("encode", record.detected_at, time.perf_counter())
                answer = MutableHeaders(scope=message)
                answer[REQUEST_ID] = record.id
                answer.setdefault("X-Content-Type-Options", "nosniff")
                answer.update(record.answer_headers)
                if service and service.draining:
                    answer["Connection"] = "close"  # otherwise the next request would be lost
                elif not body.asked_for and "100-continue" in headers.get("expect", "").lower():
                    # The client may send its body nevertheless or the next request: the server
                    # cannot tell them apart.
                    answer["Connection"] = "close"
            await send(message)

        try:
            await self.app(scope, body.receive, marking_send)
        finally:
            if record.reservation:
                record.reservation.release()
            record.ended = time.perf_counter()
            record.route = _route(scope)
            for finish in finishers:
                finish()


def record_of(request: Request) -> RequestRecord:
    record: RequestRecord = request.scope["state"]["record"]
    return record


def reservation_of(request: Request) -> Reservation:
    """The memory that the request holds until it has been answered; the model is loaded."""
    reservation = record_of(request).reservation
    assert reservation is not None
    return reservation


def service_of(request: Request) -> Service:
    """Raises ModelUnavailable before the model is loaded."""
    service = _loaded_service(request.scope)
    if service is None:
        raise ModelUnavailable("The model is not loaded.")
    return service


def _loaded_service(scope: Scope) -> Service | None:
    """None before the model is loaded."""
    return getattr(scope["app"].state, "service", None)


class _CountedBody:
    """Adds the stage "read" to the record, from the first to the last message of the body."""

    def __init__(self, record: RequestRecord, receive: Receive) -> None:
        self._record = record
        self._receive = receive
        self._began = 0.0
        self._ended = False

    @property
    def asked_for(self) -> bool:
        """Whether a client that waits for 100 Continue was told to send the body."""
        return self._began > 0

    async def receive(self) -> Message:
        self._began = self._began or time.perf_counter()
        message = await self._receive()
        if not self._ended and message["type"] == "http.request":
            self._record.received_bytes += len(message.get("body", b""))
            if not message.get("more_body", False):
                self._ended = True
                self._record.add_stage("read", self._began, time.perf_counter())
        return message


def _request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID, "")
    return given if _ACCEPTED_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """The route's path template, so that clients cannot create new values."""
    if "route" in scope:
        return str(scope["route"].path)
    if "endpoint" not in scope:
        return UNKNOWN_ROUTE
    if "app_root_path" in scope:  # static files
        return str(scope["root_path"].removeprefix(scope["app_root_path"]))
    return str(scope["path"].removeprefix(scope.get("root_path", "")))  # it has no parameters
