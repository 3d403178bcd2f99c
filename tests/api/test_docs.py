"""The documentation page and the OpenAPI document, plain and behind a path."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.client import drawn, problem
from tests.server import Server, serve


@pytest.fixture(scope="module")
def staged(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, root_path="/prod/") as server:
        yield server


def assets(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page)


def test_the_page_needs_nothing_from_elsewhere(scripted: Server) -> None:
    page = scripted.client.get("/docs")
    assert page.status_code == 200
    assert "'/openapi.json'" in page.text
    assert assets(page.text)
    for asset in assets(page.text):
        assert asset.startswith("/")
        assert scripted.client.get(asset).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/prod"], ids=["cut off", "left on"])
def test_behind_a_path_that_the_proxy_has(staged: Server, prefix: str) -> None:
    """The browser's addresses have the path; what arrives here has it where the proxy keeps it."""
    page = staged.client.get(f"{prefix}/docs")
    assert page.status_code == 200
    assert "'/prod/openapi.json'" in page.text
    for asset in assets(page.text):
        assert asset.startswith("/prod/")
        assert staged.client.get(prefix + asset.removeprefix("/prod")).status_code == 200
    document = staged.client.get(f"{prefix}/openapi.json").json()
    assert document["servers"] == [{"url": "/prod"}]
    assert "/detect" in document["paths"]
    found = staged.client.post(f"{prefix}/detect", content=drawn())
    assert found.status_code == 200
    assert staged.client.get(f"{prefix}/healthz").status_code == 200
    problem(staged.client.get(f"{prefix}/none"), 404, "NotFound")
    start = staged.client.get(f"{prefix}/", follow_redirects=False)
    assert start.status_code == 200 or start.headers["location"] == "/prod/docs"
