"""API keys: who has none is refused before the body is read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.client import Wire, drawn, post, problem
from tests.server import Server, serve


@pytest.fixture(scope="module")
def locked(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, api_keys="first-key, second-key") as server:
        yield server


GOOD: list[dict[str, str]] = [
    {"X-API-Key": "first-key"},
    {"Authorization": "Bearer first-key"},
    {"authorization": "bearer   first-key"},
    {"X-API-Key": "second-key"},
    {"X-API-Key": "first-key", "Authorization": "Basic eDp5"},
]
BAD: list[dict[str, str]] = [
    {},
    {"X-API-Key": ""},
    {"X-API-Key": "first-key-"},
    {"X-API-Key": "First-Key"},
    {"X-API-Key": "first-key, second-key"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer first"},
    {"Authorization": "Bearer kéy"},
    {"Authorization": "Basic first-key"},
    {"Authorization": "first-key"},
    {"X-API-Key": "wrong", "Authorization": "Bearer first-key"},
]


@pytest.mark.parametrize("headers", GOOD, ids=str)
def test_a_key_opens(locked: Server, headers: dict[str, str]) -> None:
    assert post(locked, drawn(), headers=headers).status_code == 200
    assert locked.client.get("/model", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", BAD, ids=str)
def test_without_a_key_nothing_opens(locked: Server, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    for answer in (post(locked, drawn(), headers=raw), locked.client.get("/model", headers=raw)):
        assert "X-API-Key" in problem(answer, 401, "AccessDenied")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_in_the_query_is_no_key(locked: Server) -> None:
    problem(post(locked, drawn(), params={"api_key": "first-key"}), 401, "AccessDenied")


def test_health_and_documents_need_none(locked: Server) -> None:
    for path in ("/healthz", "/docs", "/openapi.json"):
        assert locked.client.get(path).status_code == 200


def test_the_body_is_not_waited_for(locked: Server) -> None:
    headers = {"Content-Length": "10000000", "Expect": "100-continue"}
    with Wire(locked) as wire:
        answer = wire.head("POST", "/detect", headers).response()
    problem(answer, 401, "AccessDenied")


def test_a_client_that_sends_first_and_reads_then_is_told(locked: Server) -> None:
    problem(post(locked, b"x" * 15_000_000), 401, "AccessDenied")


def test_no_key_is_logged(locked: Server) -> None:
    post(locked, drawn(), headers={"X-API-Key": "first-key"})
    assert "first-key" not in locked.output()
