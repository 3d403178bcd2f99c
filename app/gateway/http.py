"""The app behind API Gateway, a Function URL or a load balancer, through Mangum."""

import asyncio

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import rekognition
from app.errors import problem
from app.gateway.answer_limit import AnswerLimit
from app.gateway.load_balancer import LoadBalancer
from app.gateway.stage import StagePath

_COLD_START = "X-Cold-Start"
_TEXT_TYPES = [*DEFAULT_TEXT_MIME_TYPES, problem.MEDIA_TYPE, rekognition.MEDIA_TYPE]


def adapt(app: ASGIApp, *, root_path: str) -> Mangum:
    """If ``root_path`` is empty, the prefix of the paths is taken from the event."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    limited = AnswerLimit(app, _TEXT_TYPES)
    placed = limited if root_path else StagePath(limited)
    # Mangum would run the lifespan at every invocation.
    return Mangum(
        ColdStart(placed),
        lifespan="off",
        custom_handlers=[LoadBalancer],
        text_mime_types=_TEXT_TYPES,
    )


class ColdStart:
    """Marks the first answer of an environment, which was delayed by the start."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._first = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marking_send(message: Message) -> None:
            if self._first and message["type"] == "http.response.start":
                self._first = False
                MutableHeaders(scope=message)[_COLD_START] = "1"
            await send(message)

        await self.app(scope, receive, marking_send)
