"""GET /search: who may ask, what may be asked, and what is answered."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.events.table import Table
from app.http.application import create_app
from app.service.loading import load_detector
from app.settings import Settings
from tests.aws.conftest import aws_environment, cloud, results
from tests.events.results import Results
from tests.events.rows import add
from tests.http.client import problem
from tests.server import serve

__all__ = ["aws_environment", "cloud", "results"]

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(scripted_model: Path) -> Ask:
    """Asks a server that is not known to be on loopback."""

    def ask(path: str, headers: dict[str, str] | None = None, **settings: Any) -> httpx.Response:
        given = Settings(model=scripted_model, **settings)
        transport = httpx.ASGITransport(create_app(given, load_detector(given)))

        async def get() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://x.test") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(get())

    return ask


def test_without_a_table_there_is_nothing_to_search(ask: Ask) -> None:
    assert "SPOTTER_TABLE" in problem(ask("/search?label=dog"), 404, "NotFound")
    assert ask("/model").json()["search"] is False


def test_anybody_may_search_only_if_that_was_said(ask: Ask, results: Results) -> None:
    words = problem(ask("/search?label=dog", table=results.table), 403, "Forbidden")
    assert "SPOTTER_API_KEYS" in words
    assert "SPOTTER_SEARCH=open" in words
    assert ask("/model", table=results.table).json()["search"] is False
    for given in ({"search": "open"}, {"search": "OPEN"}):
        answer = ask("/search?label=dog", table=results.table, **given)
        assert answer.json() == {"hits": [], "cursor": None}
    assert ask("/model", table=results.table, search="open").json()["search"] is True


def test_a_key_opens_the_search(ask: Ask, results: Results) -> None:
    given = {"table": results.table, "api_keys": "sesame"}
    problem(ask("/search?label=dog", **given), 401, "AccessDenied")
    assert ask("/search?label=dog", {"X-API-Key": "sesame"}, **given).status_code == 200


def test_on_loopback_no_key_is_needed(scripted_model: Path, results: Results) -> None:
    table = Table(results.table)
    add(table, "a", {"dog": 0.9, "bicycle": 0.8})
    add(table, "b", {"dog": 0.8, "bicycle": 0.8, "person": 0.7})
    with serve(scripted_model, table=results.table) as server:
        answer = server.client.get("/search?label=dog&and=bicycle&not=person&above=0.5")
        assert [hit["key"] for hit in answer.json()["hits"]] == ["a"]
        assert answer.json()["hits"][0]["altText"] == "About a."
        assert server.client.get("/model").json()["search"] is True
        first = server.client.get("/search?label=dog&limit=1").json()
        second = server.client.get(
            "/search", params={"label": "dog", "limit": 1, "cursor": first["cursor"]}
        ).json()
        assert [hit["key"] for hit in first["hits"] + second["hits"]] == ["a", "b"]
        assert second["cursor"] is None
    with serve(scripted_model, host="0.0.0.0", table=results.table) as server:
        problem(server.client.get("/search?label=dog"), 403, "Forbidden")


@pytest.mark.parametrize(
    "query",
    [
        *("", "label=", "label=a&label=b", "label=dog&limit=0", "label=dog&limit=101"),
        *("label=dog&above=2", "label=dog&above=nan", "label=dog&cursor=x", "label=dog&what=1"),
        *("label=dog&also=cat", "label=" + "x" * 201, "label=dog" + "&and=a" * 21),
    ],
)
def test_what_cannot_be_asked(ask: Ask, results: Results, query: str) -> None:
    answer = ask(f"/search?{query}", table=results.table, search="open")
    problem(answer, 422, "InvalidParameter")


@pytest.mark.parametrize(
    ("query", "told"),
    [("", "label is required"), ("label=a&and=", "and=: String should have at least 1")],
)
def test_what_is_wrong_is_named(ask: Ask, results: Results, query: str, told: str) -> None:
    answer = ask(f"/search?{query}", table=results.table, search="open")
    assert problem(answer, 422, "InvalidParameter").startswith(told)


def test_a_table_that_does_not_answer(
    ask: Ask, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    answer = ask("/search?label=dog", table=results.table, search="open")
    problem(answer, 503, "Overloaded")


def test_a_table_that_is_not_there(ask: Ask, results: Results) -> None:
    problem(ask("/search?label=dog", table="none", search="open"), 500, "InternalError")
