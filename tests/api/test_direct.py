"""What a route that calls its function directly still has to ask for."""

import pytest
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from app.api.access import LeaveRequired
from app.api.dependencies import ServiceDep
from app.api.direct import direct
from app.main import create_app
from app.settings import Settings


class Query(BaseModel):
    pass


async def endpoint(request: Request, query: Query, service: ServiceDep) -> Response:
    raise NotImplementedError


def add(*dependencies: object) -> None:
    router = APIRouter(dependencies=dependencies, route_class=direct(Query))  # type: ignore[arg-type]
    router.post("/")(endpoint)


def test_a_dependency_that_nobody_would_ask_for_stops_the_start() -> None:
    def forgotten() -> None:
        raise NotImplementedError

    add(LeaveRequired)
    with pytest.raises(TypeError, match="forgotten"):
        add(LeaveRequired, Depends(forgotten))


def test_the_application_asks_for_nothing_besides() -> None:
    assert not create_app(Settings()).router.dependencies
