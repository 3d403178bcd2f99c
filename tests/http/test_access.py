"""API keys: who has none is refused before the body is read."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.client import Wire, drawn, multipart, post, problem
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


WITHOUT_A_BODY: list[tuple[str, dict[str, str], int]] = [
    ("/detect", {}, 401),
    ("/detect", {"X-API-Key": "wrong"}, 401),
    ("/detect", {"Authorization": "Bearer wrong"}, 401),
    ("/v1/vision/detection", {"X-API-Key": "wrong"}, 401),
    ("/v1/vision/custom/scripted", {"Authorization": "Bearer wrong"}, 401),
    ("/", {"X-Amz-Target": "RekognitionService.DetectLabels"}, 400),  # as AWS answers
]


@pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}], ids=["plain", "expect"])
@pytest.mark.parametrize(("path", "headers", "status"), WITHOUT_A_BODY)
def test_the_body_is_not_waited_for(
    locked: Server, path: str, headers: dict[str, str], status: int, expect: dict[str, str]
) -> None:
    """Which is declared and never comes; who waited for it would run into the time limit."""
    with Wire(locked) as wire:
        answer = wire.head(
            "POST", path, {"Content-Length": "10000000", **headers, **expect}
        ).response()
    assert answer.status_code == status
    assert "AccessDenied" in answer.text or "valid API key" in answer.text


def test_a_key_in_a_form_costs_no_more_than_the_limit_on_bodies(scripted_model: Path) -> None:
    with serve(scripted_model, api_keys="key", max_body_bytes="5000") as server:
        form = multipart(("api_key", b"wrong"), ("image", b"x" * 6000))
        answer = server.client.post("/v1/vision/detection", content=form)
        assert answer.status_code == 400
        assert "5000 bytes" in answer.json()["error"]


KEYS = "schlüssel, 鍵, plain"


@pytest.fixture(scope="module")
def foreign(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, api_keys=KEYS) as server:
        yield server


@pytest.mark.parametrize(
    "key",
    ["schlüssel".encode(), "schlüssel".encode("latin-1"), "鍵".encode(), b"plain"],
    ids=["UTF-8", "Latin-1", "not Latin", "ASCII"],
)
def test_keys_beyond_ascii_open_as_clients_send_them(foreign: Server, key: bytes) -> None:
    for headers in ([(b"X-API-Key", key)], [(b"Authorization", b"Bearer " + key)]):
        assert post(foreign, drawn(), headers=headers).status_code == 200
    if key != "schlüssel".encode("latin-1"):  # forms are in UTF-8
        form = multipart(("image", drawn()), ("api_key", key))
        assert foreign.client.post("/v1/vision/detection", content=form).status_code == 200


@pytest.mark.parametrize("key", ["schlussel", "schlüsse", "schlüssel ", "?"])
def test_keys_like_them_do_not(foreign: Server, key: str) -> None:
    headers = [(b"X-API-Key", key.encode() + b".")]
    problem(post(foreign, drawn(), headers=headers), 401, "AccessDenied")


def test_a_key_that_is_not_even_text(scripted_model: Path) -> None:
    """As a shell with another encoding would set it."""
    with serve(scripted_model, api_keys=os.fsdecode(b"schl\xfcssel")) as server:
        for key in (b"schl\xfcssel", "schlüssel".encode()):
            headers = [(b"X-API-Key", key)]
            assert post(server, drawn(), headers=headers).status_code == 200


def test_a_client_that_sends_first_and_reads_then_is_told(locked: Server) -> None:
    problem(post(locked, b"x" * 15_000_000), 401, "AccessDenied")


def test_no_key_is_logged(locked: Server) -> None:
    post(locked, drawn(), headers={"X-API-Key": "first-key"})
    assert "first-key" not in locked.output()
