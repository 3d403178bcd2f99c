"""Answers the errors that routes raise with problem details."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from app.errors import InternalError, InvalidParameter, MethodNotAllowed, NotFound, SpotterError
from app.errors.problem import problem_response
from app.http.requests.query import explained

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


class WrongMethod(HTTPException):
    """Raised by a route that takes the place of others: ``methods`` are all that the path has."""

    def __init__(self, methods: Iterable[str]) -> None:
        super().__init__(405, headers={"Allow": ", ".join(methods)})


async def _on_spotter_error(request: Request, error: SpotterError) -> Response:
    return problem_response(error)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    return problem_response(explained(error.errors()[0]))


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    """Starlette raises it for a path or a method that does not exist."""
    path = request.scope["path"][:100]
    if error.status_code == 404:
        paths = ", ".join(request.app.state.paths)
        detail = f"There is nothing at {path}. The paths are {paths}; /docs describes them."
        return problem_response(NotFound(detail))
    if error.status_code == 405:
        named = (error.headers or {}).get("Allow", "GET, HEAD")  # a folder of files names none
        others = () if isinstance(error, WrongMethod) else _methods(request)
        allow = ", ".join(sorted({*named.split(", "), *others}))
        detail = f"{path} does not take {request.method[:20]}, but {allow}."
        return problem_response(MethodNotAllowed(detail, allow))
    if 400 <= error.status_code < 500:
        return problem_response(InvalidParameter(str(error.detail)[:200]))
    return problem_response(InternalError("The request could not be handled."))


def _methods(request: Request) -> Iterator[str]:
    """The methods of all routes at the request's path: the error names those of one route."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in routes):
            yield method


HANDLERS: dict[int | type[Exception], Handler] = {
    SpotterError: _on_spotter_error,
    RequestValidationError: _on_validation_error,
    HTTPException: _on_http_exception,
}
