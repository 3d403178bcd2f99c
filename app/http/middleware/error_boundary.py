"""Answers errors that no handler caught, and makes one line of a start that failed."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BadRequest
from app.errors.problem import problem_response
from app.errors.unexpected import to_client_error
from app.observability.request_record import RequestRecord


class ErrorBoundary:
    """Innermost, so that the answer passes through all other middleware, CORS for one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, _one_line_errors(send))
            return
        if _has_two_ends(scope):
            refused = BadRequest("Send Content-Length or Transfer-Encoding, not both.")
            await problem_response(refused)(scope, receive, send)
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
            await problem_response(to_client_error(error, record.id))(scope, receive, send)


def _one_line_errors(send: Send) -> Send:
    """Starlette reports a failed start as a traceback; its last line is the one for people."""

    async def shortened(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            last = message.get("message", "").strip().splitlines()[-1:]
            message["message"] = "".join(last).removeprefix("app.errors.StartError: ")
        await send(message)

    return shortened


def _has_two_ends(scope: Scope) -> bool:
    """A proxy in front may have believed the other header and taken what follows for a request."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}
