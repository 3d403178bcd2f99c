"""Replaces answers that are too large for Lambda by a clear error, instead of the gateway's 502."""

import json
import math

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ImageTooLarge
from app.errors.problem import ProblemResponse

LAMBDA_BYTES = 6 * 1024 * 1024
ALB_BYTES = 1024 * 1024
_ENVELOPE = 2048
"""Bytes of the JSON around body and headers."""
_KEPT_HEADERS = ("access-control-", "vary", "x-request-id")


class AnswerLimit:
    """Buffers an answer until it is known to fit, and drops the body for HEAD."""

    def __init__(self, app: ASGIApp, text_types: list[str]) -> None:
        self.app = app
        self.text_types = text_types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        chunks: list[bytes] = []

        async def holding_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._pass_on(scope, receive, send, start, b"".join(chunks))

        await self.app(scope, receive, holding_send)

    async def _pass_on(
        self, scope: Scope, receive: Receive, send: Send, start: Message, body: bytes
    ) -> None:
        limit = ALB_BYTES if "elb" in scope["aws.event"]["requestContext"] else LAMBDA_BYTES
        if scope["method"] == "HEAD":
            body = b""
        size = self._size(start, body, limit)
        if size <= limit:
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        error = ProblemResponse(
            ImageTooLarge(
                f"The answer takes {size} bytes and at most {limit} can be sent this way."
                " Ask for JSON or image/jpeg, or send a smaller image."
            )
        )
        headers = MutableHeaders(raw=error.raw_headers)
        for name, value in Headers(raw=start["headers"]).items():
            if name.startswith(_KEPT_HEADERS):
                headers.append(name, value)
        await error(scope, receive, send)

    def _size(self, start: Message, body: bytes, limit: int) -> int:
        """Bytes of the whole answer in Lambda's JSON form."""
        headers = sum(len(name) + len(value) + 8 for name, value in start["headers"])
        kind = Headers(raw=start["headers"]).get("content-type", "")
        if not any(text in kind for text in self.text_types):
            return _ENVELOPE + headers + math.ceil(len(body) / 3) * 4
        # In JSON a byte takes six at worst.
        written = body if len(body) * 6 < limit else json.dumps(body.decode("utf-8", "replace"))
        return _ENVELOPE + headers + len(written)
