"""One FastAPI application answers every route, and its document comes from the routes."""

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

import app.main
from app.http.application import create_app
from app.service.loading import load_detector
from app.settings import Settings
from tests.http.client import drawn


def client_of(application: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="http://spotter.test")


@pytest.fixture
def application(scripted_model: Path) -> FastAPI:
    settings = Settings(model=scripted_model)
    return create_app(settings, load_detector(settings))


def test_uvicorn_serves_a_plain_fastapi_application() -> None:
    assert isinstance(app.main.app, FastAPI)


def test_every_path_is_a_route_of_it(application: FastAPI) -> None:
    paths = {context.path for context in iter_route_contexts(application.routes)}
    assert paths >= {"/detect", "/healthz", "/model", "/metrics", "/", "/docs", "/openapi.json"}
    assert paths >= {"/v1/vision/detection", "/v1/status/ping"}


def test_answers_by_method(application: FastAPI) -> None:
    async def ask() -> list[int]:
        async with client_of(application) as client:
            image = drawn()
            return [
                (await client.post("/detect", content=image)).status_code,
                (await client.post("/detect?confidence=2", content=image)).status_code,
                (await client.get("/detect")).status_code,
                (await client.get("/healthz")).status_code,
                (await client.head("/healthz")).status_code,
                (await client.post("/healthz")).status_code,
                (await client.get("/")).status_code,
            ]

    assert asyncio.run(ask()) == [200, 422, 405, 200, 200, 405, 200]


def test_the_document_has_what_the_routes_have(application: FastAPI) -> None:
    documented = application.openapi()["paths"]
    routes = {
        (context.path, method.lower())
        for context in iter_route_contexts(application.routes)
        if getattr(context.original_route, "include_in_schema", False)
        for method in context.methods or ()
    }
    assert routes == {(path, method) for path in documented for method in documented[path]}


def test_before_the_model_is_loaded_it_is_unavailable(scripted_model: Path) -> None:
    async def ask() -> list[int]:
        async with client_of(create_app(Settings(model=scripted_model))) as client:
            return [
                (await client.get("/healthz")).status_code,
                (await client.post("/detect", content=drawn())).status_code,
            ]

    assert asyncio.run(ask()) == [503, 503]


def test_a_parameter_that_fastapi_refuses_is_a_problem_as_all_are(application: FastAPI) -> None:
    """No route of today has one; a route that is added may."""

    @application.get("/added")
    async def added(size: int) -> int:
        return size

    async def ask() -> httpx.Response:
        async with client_of(application) as client:
            return await client.get("/added?size=many")

    answer = asyncio.run(ask())
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidParameter")
    assert answer.json()["detail"].startswith("size=many: ")
