"""Decides whether a request may search. If keys are set, its key has been checked already."""

from starlette.requests import Request

from app.errors import Forbidden, NotFound
from app.http.middleware.address import Reach
from app.search.index import LabelIndex
from app.service.service import Service


def index_for(request: Request, service: Service) -> LabelIndex:
    """Raises NotFound if no table is set, Forbidden if others can reach a server without keys."""
    index: LabelIndex | None = request.app.state.index
    if index is None:
        raise NotFound(
            "There is no index to search: SPOTTER_TABLE does not name a table of results."
        )
    if not _is_trusted(request, service):
        raise Forbidden(Forbidden.example)
    return index


def is_open(request: Request, service: Service) -> bool:
    return request.app.state.index is not None and _is_trusted(request, service)


def _is_trusted(request: Request, service: Service) -> bool:
    """Clients that can reach a server on loopback have access to its machine anyway."""
    if service.keys or service.settings.search == "open":
        return True
    loopback: Reach | None = request.scope["state"].get("loopback")
    return loopback is not None and loopback.alone
