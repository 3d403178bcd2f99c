"""The documentation page and the OpenAPI document, plain and behind a path."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.http.client import drawn, problem
from tests.server import Server, serve


@pytest.fixture(scope="module")
def staged(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, root_path="/prod/") as server:
        yield server


def assets(page: str, path: str) -> list[str]:
    """Their paths as a browser finds them from a page that lies at ``path``."""
    base = re.search(r'<base href="([^"]+)"', page)
    found = re.findall(r'<(?:script|link|img|a)\b[^>]* (?:src|href)="([^"]+)"', page)
    return [urljoin(base[1] if base else path, address) for address in found]


def test_the_page_needs_nothing_from_elsewhere(scripted: Server) -> None:
    page = scripted.client.get("/docs")
    assert page.status_code == 200
    found = assets(page.text, "/docs")
    assert "/openapi.json" in found
    for asset in found:
        assert asset.startswith("/")
        assert scripted.client.get(asset).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/prod"], ids=["cut off", "left on"])
def test_behind_a_path_that_the_proxy_has(staged: Server, prefix: str) -> None:
    """The browser's addresses have the path; what arrives here has it where the proxy keeps it."""
    page = staged.client.get(f"{prefix}/docs")
    assert page.status_code == 200
    found = assets(page.text, "/prod/docs")
    assert "/prod/openapi.json" in found
    for asset in found:
        assert asset.startswith("/prod/")
        assert staged.client.get(prefix + asset.removeprefix("/prod")).status_code == 200
    document = staged.client.get(f"{prefix}/openapi.json").json()
    assert document["servers"] == [{"url": "/prod"}]
    assert "/detect" in document["paths"]
    assert staged.client.post(f"{prefix}/detect", content=drawn()).status_code == 200
    assert staged.client.get(f"{prefix}/healthz").status_code == 200
    problem(staged.client.get(f"{prefix}/none"), 404, "NotFound")
    assert staged.client.get(f"{prefix}/").status_code == 200
