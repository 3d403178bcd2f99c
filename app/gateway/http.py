"""The app behind API Gateway, a Function URL or a load balancer, through Mangum."""

import asyncio

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from starlette.types import ASGIApp

from app.errors import problem
from app.gateway.answer_limit import AnswerLimit
from app.gateway.cold_start import ColdStart
from app.gateway.stage import StagePath
from app.http.responses import media_types

_TEXT_TYPES = [*DEFAULT_TEXT_MIME_TYPES, problem.MEDIA_TYPE, media_types.AWS_JSON]


def adapt(app: ASGIApp, *, root_path: str) -> Mangum:
    """If ``root_path`` is empty, the event says what precedes the paths."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    limited = AnswerLimit(app, _TEXT_TYPES)
    placed = limited if root_path else StagePath(limited)
    # Mangum would run the lifespan at every invocation.
    return Mangum(ColdStart(placed), lifespan="off", text_mime_types=_TEXT_TYPES)
