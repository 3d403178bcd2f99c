"""Marks the first answer of an environment, which had to wait for the start."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COLD_START = "X-Cold-Start"


class ColdStart:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._first = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marking_send(message: Message) -> None:
            if self._first and message["type"] == "http.response.start":
                self._first = False
                MutableHeaders(scope=message)[COLD_START] = "1"
            await send(message)

        await self.app(scope, receive, marking_send)
