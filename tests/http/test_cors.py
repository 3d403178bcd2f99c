"""Pages of other origins may call where the operator says so, and may read errors, too."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.http.client import drawn, post
from tests.http.scripted import RED
from tests.server import Server, serve

ORIGIN = "https://shop.example"
FROM = {"Origin": ORIGIN}
PREFLIGHT = {
    **FROM,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-api-key",
}

ANSWERS: dict[int, Callable[[Server, dict[str, str]], httpx.Response]] = {
    200: lambda server, headers: post(server, drawn(), headers=headers),
    401: lambda server, headers: post(server, drawn(), headers=headers | {"X-API-Key": "no"}),
    404: lambda server, headers: server.client.get("/none", headers=headers),
    405: lambda server, headers: server.client.get("/detect", headers=headers),
    413: lambda server, headers: post(server, b"x" * 3000, headers=headers),
    415: lambda server, headers: post(server, b"text", headers=headers),
    422: lambda server, headers: post(server, drawn(), headers=headers, params={"iou": 2}),
    500: lambda server, headers: post(server, drawn(colour=RED), headers=headers),
}


@pytest.fixture(scope="module")
def shared_with_shop(scripted_model: Path) -> Iterator[Server]:
    settings = {"cors_origins": f"http://localhost:3000, {ORIGIN}", "api_keys": "key"}
    with serve(scripted_model, **settings, max_body_bytes="2000") as server:
        yield server


@pytest.mark.parametrize("status", ANSWERS)
def test_every_answer_can_be_read(shared_with_shop: Server, status: int) -> None:
    answer = ANSWERS[status](shared_with_shop, {**FROM, "X-API-Key": "key"})
    assert answer.status_code == status, answer.text
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"Server-Timing", "X-Request-Id", "Retry-After", "x-amzn-requestid"} <= exposed
    assert "Origin" in answer.headers["vary"]


def test_a_preflight_needs_no_key(shared_with_shop: Server) -> None:
    answer = shared_with_shop.client.options("/detect", headers=PREFLIGHT)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"]
    assert {"content-type", "x-api-key"} <= {name.strip() for name in allowed.lower().split(",")}


@pytest.mark.parametrize(
    "origin",
    [
        *("https://other.example", "https://shop.example.org", "https://shop.example:444", "null"),
        *("http://shop.example", "https://a.shop.example", "https://SHOP.example", "*", ""),
    ],
)
def test_other_origins_may_not(shared_with_shop: Server, origin: str) -> None:
    headers = {"Origin": origin, "X-API-Key": "key"}
    answer = post(shared_with_shop, drawn(), headers=headers)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    refused = shared_with_shop.client.options("/detect", headers={**PREFLIGHT, "Origin": origin})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


def test_by_default_no_origin_may(scripted: Server) -> None:
    for answer in (
        post(scripted, drawn(), headers=FROM),
        scripted.client.options("/detect", headers=PREFLIGHT),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_all_origins_and_none_with_credentials(scripted_model: Path) -> None:
    with serve(scripted_model, cors_origins="*") as server:
        for headers in (FROM, FROM | {"Cookie": "a=b"}):
            answer = post(server, b"text", headers=headers)
            assert answer.status_code == 415
            assert "access-control-allow-credentials" not in answer.headers
            assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN)
        preflight = server.client.options("/detect", headers=PREFLIGHT)
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in preflight.headers
