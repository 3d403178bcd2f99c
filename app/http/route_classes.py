"""Classes of routes: direct endpoints, and other vendors' APIs with their own errors."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.errors import SpotterError
from app.http.errors import to_client_error
from app.http.middleware.request_record import record_of

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class DirectRoute(APIRoute):
    """Calls the endpoint with the request only.

    Its dependencies and types are only for /openapi.json, which saves the time to resolve them.
    """

    def get_route_handler(self) -> Endpoint:
        endpoint: Endpoint = self.endpoint
        return endpoint


class ForeignRoute(APIRoute):
    """Routes of another vendor's API; ``refusal`` answers the errors of their endpoints."""

    @staticmethod
    @abstractmethod
    def refusal(request: Request, error: SpotterError) -> Response: ...

    def get_route_handler(self) -> Endpoint:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            record = record_of(request)
            try:
                return await handle(request)
            except SpotterError as error:
                refused = error
            except (ClientDisconnect, HTTPException):
                raise
            except (Exception, asyncio.CancelledError) as error:
                refused = to_client_error(error, record.id)
            record.refuse(refused)
            return self.refusal(request, refused)

        return handler
