"""Routes that speak another API, errors included."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.errors import SpotterError
from app.errors.unexpected import disguised


class ForeignRoute(APIRoute):
    """For ``APIRouter(route_class=...)``: what its handlers raise is answered by ``refusal``."""

    @staticmethod
    @abstractmethod
    def refusal(request: Request, error: SpotterError) -> Response: ...

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except SpotterError as error:
                refused = error
            except (ClientDisconnect, HTTPException):
                raise
            except (Exception, asyncio.CancelledError) as error:
                refused = disguised(error, request.state.request_id)
            request.state.exchange.code = refused.code
            return self.refusal(request, refused)

        return handler
