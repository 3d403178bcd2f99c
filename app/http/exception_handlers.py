"""Answers the errors that routes raise with problem details."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.errors import InternalError, InvalidParameter, MethodNotAllowed, NotFound, SpotterError
from app.errors.problem import problem_response
from app.http.requests.query import explained

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


async def _on_spotter_error(request: Request, error: SpotterError) -> Response:
    return problem_response(error)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    return problem_response(explained(error.errors()[0]))


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    """Starlette raises it for a path or a method that does not exist."""
    path = request.scope["path"][:100]
    if error.status_code == 404:
        return problem_response(NotFound(f"There is nothing at {path}; /docs lists what is."))
    if error.status_code == 405:
        methods = (error.headers or {}).get("Allow", "GET, HEAD")  # a folder of files names none
        allow = ", ".join(sorted(methods.split(", ")))
        detail = f"{path} does not take {request.method[:20]}, but {allow}."
        return problem_response(MethodNotAllowed(detail, allow))
    if 400 <= error.status_code < 500:
        return problem_response(InvalidParameter(str(error.detail)[:200]))
    return problem_response(InternalError("The request could not be handled."))


HANDLERS: dict[int | type[Exception], Handler] = {
    SpotterError: _on_spotter_error,
    RequestValidationError: _on_validation_error,
    HTTPException: _on_http_exception,
}
