"""Keys, paths, and what the answers' headers allow a page to do."""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.page.photos import CAT
from tests.page.visit import Visit
from tests.server import REPOSITORY, Server, serve

PAGE = REPOSITORY / "app" / "page"
FIRST_LOAD_BYTES = 15_000
"""What a visitor loads before the first picture, each file gzipped for itself."""
ALL_CODE_BYTES = 25_000
"""All parts, those loaded later too, gzipped together and without the notes on types."""


@pytest.fixture(scope="module")
def locked(scene_model: Path) -> Iterator[Server]:
    with serve(scene_model, api_keys="open sesame", root_path="/stage/one") as server:
        yield server


def test_a_key_is_asked_for_where_one_is_needed(
    open_page: Callable[..., Visit], locked: Server, bus: Path
) -> None:
    """Behind a path, too, whose end is left off."""
    visit = open_page(f"{locked.url}/stage/one", expect_errors=True)
    form = visit.page.locator("#access")
    expect(form).to_be_visible()
    expect(visit.page.locator("#accessText")).to_contain_text("you get from whoever runs it")
    expect(form).not_to_contain_text("X-API-Key")
    expect(visit.page.locator("#wrongKey")).to_be_empty()
    visit.drop(bus)
    expect(visit.page.locator("#problemCode")).to_have_text("AccessDenied")
    visit.page.fill("#key", "wrong")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#wrongKey")).to_contain_text("does not know this key")
    expect(visit.page.locator("#key")).to_have_attribute("aria-invalid", "true")
    expect(visit.page.locator("#key")).to_be_focused()
    visit.page.fill("#key", " open sesame ")
    visit.page.keyboard.press("Enter")
    visit.answered()
    expect(form).to_be_hidden()
    expect(visit.page.locator("#model")).to_contain_text("80 labels")
    for tab in ("#tabCurl", "#tabFetch", "#tabPython"):
        visit.page.click(tab)
        code = visit.page.inner_text("#code")
        assert "X-API-Key" in code
        assert "sesame" not in code
        assert f"{locked.url}/stage/one/detect?" in code
    assert visit.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 1]
    visit.page.reload()
    expect(visit.page.locator("#model")).to_contain_text("80 labels")
    expect(form).to_be_hidden()
    visit.page.evaluate("sessionStorage.setItem(sessionStorage.key(0), 'old')")
    visit.page.reload()
    expect(visit.page.locator("#wrongKey")).to_contain_text("does not know this key")
    assert visit.page.evaluate("sessionStorage.length") == 0


def test_a_key_of_any_letters(open_page: Callable[..., Visit]) -> None:
    with serve(None, api_keys="schl\u00fcssel-\u043a\u043b\u044e\u0447") as server:
        visit = open_page(f"{server.url}/", expect_errors=True)
        visit.page.fill("#key", "schl\u00fcssel")
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("#wrongKey")).to_contain_text("does not know this key")
        visit.page.fill("#key", "schl\u00fcssel-\u043a\u043b\u044e\u0447")
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("#model")).to_contain_text("20 labels")
        visit.drop(CAT)
        visit.answered()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_may_do_little(server: Server, path: str) -> None:
    answer = server.client.get(path)
    policy = dict(
        rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert server.client.head(path).status_code == 200


def test_files_are_declared_and_asked_for_anew(server: Server) -> None:
    kinds = {
        "style.css": "text/css",
        "js/main.js": "text/javascript",
        "icon.svg": "image/svg+xml",
        "samples/cat.jpg": "image/jpeg",
    }
    for name, kind in kinds.items():
        answer = server.client.get(f"/page/{name}")
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
        again = server.client.get(
            f"/page/{name}", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304
    for name in ("", "../index.html", "%2e%2e/index.html", "js/", "none.js"):
        assert server.client.get(f"/page/{name}").status_code == 404


def test_the_page_is_small(open_page: Callable[..., Visit], default_server: Server) -> None:
    """Without its photos, and without what /docs has."""
    visit = open_page(f"{default_server.url}/")
    visit.page.wait_for_load_state("networkidle")
    paths = {urlsplit(request.url).path for request in visit.requests}
    own = [path for path in (PAGE / "files").rglob("*") if path.suffix in {".css", ".js", ".svg"}]
    first = [path for path in own if f"/page/{path.relative_to(PAGE / 'files')}" in paths]
    assert len(first) >= 8
    files = [PAGE / "index.html", *first]
    assert sum(gzipped(path.read_bytes()) for path in files) < FIRST_LOAD_BYTES
    files = [PAGE / "index.html", *(path for path in own if path.stem != "docs")]
    code = b"".join(re.sub(rb"(?s)/\*\*.*?\*/", b"", path.read_bytes()) for path in sorted(files))
    assert gzipped(code) < ALL_CODE_BYTES
    photos = (PAGE / "files").rglob("*.jpg")
    assert sum(photo.stat().st_size for photo in photos) < 80_000


def gzipped(content: bytes) -> int:
    return len(gzip.compress(content, 9))


def test_sources_of_the_samples_are_named() -> None:
    notes = (PAGE / "files" / "samples" / "README.md").read_text()
    for photo in (PAGE / "files" / "samples").glob("*.jpg"):
        assert f"`{photo.name}`" in notes
