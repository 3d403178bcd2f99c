"""A route that calls its function directly, with the request, its query and the service.

FastAPI's general way to a function's arguments takes as long as postprocessing does, and longest of
all for a process's first request; it stays for the document, which is told the same function.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, get_origin

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams

from app.api.access import admit, key_in, require_leave
from app.api.dependencies import get_service, service_of

Q = TypeVar("Q", bound=BaseModel)

_FULFILLED = {require_leave, get_service}


def direct(query: type[BaseModel]) -> type[APIRoute]:
    """For functions of a request, a ``query`` and the service, open to who has leave.

    What the router itself depends on is looked at; what ``include_router`` or the application is
    given besides would not be asked for.
    """

    class DirectRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            unknown = {needed.call for needed in self.dependant.dependencies} - _FULFILLED
            if unknown:
                raise TypeError(f"A direct route would not ask for {unknown}.")
            endpoint = self.endpoint

            async def handle(request: Request) -> Response:
                service = service_of(request)
                admit(request, service, key_in(request))
                response: Response = await endpoint(
                    request, _parsed(query, request.query_params), service
                )
                return response

            return handle

    return DirectRoute


def _parsed(query: type[Q], given: QueryParams) -> Q:
    """Raises RequestValidationError."""
    values = {name: given.getlist(name) if _is_list(query, name) else given[name] for name in given}
    try:
        return query.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def _is_list(query: type[BaseModel], name: str) -> bool:
    field = query.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is list
