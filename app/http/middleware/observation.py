"""What is seen of a request from outside: when its body was there, and its answer began."""

import time
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.request_record import UNKNOWN_ROUTE, Exchange, Observer


class Observation:
    """Within RequestContext, whose line in the log takes up the stages and the error's code."""

    def __init__(self, app: ASGIApp, observers: Sequence[Observer]) -> None:
        """Observers may come and go later."""
        self.app = app
        self.observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope["state"]
        exchange = Exchange(
            scope["method"], scope["path"], Headers(scope=scope), state["request_id"]
        )
        state["exchange"] = exchange
        finishers = [observe(exchange) for observe in self.observers]
        try:
            await self.app(scope, _reading(exchange, receive), _answering(exchange, send))
        finally:
            exchange.ended = time.perf_counter()
            exchange.route = _route(scope)
            state["facts"].update(_facts(exchange))
            for finish in finishers:
                finish()


def _reading(exchange: Exchange, receive: Receive) -> Receive:
    began = 0.0
    reading = True

    async def observed() -> Message:
        nonlocal began, reading
        began = began or time.perf_counter()
        message = await receive()
        if reading and message["type"] == "http.request":
            exchange.received += len(message.get("body", b""))
            if not message.get("more_body", False):
                reading = False
                exchange.add_stage("read", began, time.perf_counter())
        return message

    return observed


def _answering(exchange: Exchange, send: Send) -> Send:
    async def observed(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            if exchange.looked_at:
                exchange.add_stage("encode", exchange.looked_at, time.perf_counter())
            if exchange.answer_headers:
                MutableHeaders(scope=message).update(exchange.answer_headers)
        await send(message)

    return observed


def _facts(exchange: Exchange) -> dict[str, object]:
    """For the log, where it is short: stages are told of images that were looked at."""
    facts: dict[str, object] = {}
    if exchange.code:
        facts["code"] = exchange.code
    if exchange.image:
        facts["image"] = list(exchange.image)
        facts["detections"] = exchange.detections
        facts["stages"] = {stage.name: round(stage.seconds * 1000, 2) for stage in exchange.stages}
    if exchange.trace_id:
        facts["trace"] = exchange.trace_id
    return facts


def _route(scope: Scope) -> str:
    """What the request was routed to, as written in the code: clients cannot make up more."""
    if "route" in scope:
        return str(scope["route"].path)
    if "endpoint" not in scope:
        return UNKNOWN_ROUTE
    if "app_root_path" in scope:  # a folder of files
        return str(scope["root_path"].removeprefix(scope["app_root_path"]))
    return str(scope["path"].removeprefix(scope.get("root_path", "")))  # of a path without fields
