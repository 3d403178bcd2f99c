"""What answers before FastAPI is there, and how the rest comes."""

import ast
import asyncio
import threading
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from app.http.later import Later
from app.main import Spotter, create_app
from app.service.service import load_detector
from app.settings import Settings
from tests.http.client import drawn
from tests.server import REPOSITORY


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://spotter.test")


@pytest.fixture
def app(scripted_model: Path) -> Spotter:
    settings = Settings(model=scripted_model)
    return create_app(settings, load_detector(settings))


def test_only_the_surfaces_know_fastapi() -> None:
    knowing = set()
    for file in (REPOSITORY / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any((name or "").split(".")[0] == "fastapi" for name in names):
                knowing.add(file.parent.name)
    assert knowing == {"surfaces"}


def test_detect_and_health_ask_for_nothing_else(
    app: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surfaces() -> ASGIApp:
        raise NotImplementedError

    monkeypatch.setattr(app.surfaces, "_make", surfaces)

    async def ask() -> list[int]:
        async with client_of(app) as client:
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

    assert asyncio.run(ask()) == [200, 422, 405, 200, 200, 405, 500]


def test_the_document_tells_of_what_answers_first(app: Spotter) -> None:
    async def ask() -> dict[str, dict[str, object]]:
        async with client_of(app) as client:
            document = (await client.get("/openapi.json")).json()
            paths: dict[str, dict[str, object]] = document["paths"]
            return paths

    documented = asyncio.run(ask())
    for route in app.routes:
        assert isinstance(route, Route)
        assert route.methods is not None
        methods = {method.lower() for method in route.methods - {"HEAD"}}
        assert documented[route.path].keys() == methods


def test_a_server_has_them_before_they_are_asked_for(
    app: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = threading.Event()
    monkeypatch.setattr("app.main._SOON", 0)
    monkeypatch.setattr(app.surfaces, "made", made.set)

    async def live() -> None:
        async with app.router.lifespan_context(app):
            assert await asyncio.to_thread(made.wait, 10)

    asyncio.run(live())


def test_it_is_made_once_and_nobody_waits_for_it_who_needs_it_not() -> None:
    made = []
    asked, go_on = threading.Event(), threading.Event()

    def make() -> ASGIApp:
        asked.set()
        assert go_on.wait(10)
        made.append(1)
        return PlainTextResponse("made")

    async def ask() -> list[str]:
        async with client_of(Later(make)) as client:
            answers = [asyncio.create_task(client.get("/")) for _ in range(3)]
            while not asked.is_set():  # the event loop runs meanwhile
                await asyncio.sleep(0)
            go_on.set()
            return [(await answer).text for answer in answers]

    assert asyncio.run(ask()) == ["made"] * 3
    assert made == [1]


def test_what_could_not_be_made_is_tried_again() -> None:
    attempts = iter([ImportError("not yet"), None])

    def make() -> ASGIApp:
        if error := next(attempts):
            raise error
        return PlainTextResponse("made")

    later = Later(make)
    with pytest.raises(ImportError):
        later.made()
    assert later.made() is later.made()
