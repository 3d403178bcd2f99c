"""The AWS SDK for JavaScript in a page of another origin, in a real browser."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import sync_playwright

from tests.missing import missing
from tests.page.visit import LIMIT_MS, new_page
from tests.server import REPOSITORY, serve
from tests.vision.pictures import encode, quarters

_SOURCE = Path(__file__).parent / "js" / "browser.mjs"
_BUNDLER = REPOSITORY / "tests" / "clients" / "node_modules" / ".bin" / "esbuild"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site with one page that holds the SDK."""
    if not (_SOURCE.parent / "node_modules").is_dir() or not _BUNDLER.exists():
        missing("Run 'npm ci' in tests/rekognition/js and in tests/clients first")
    folder = tmp_path_factory.mktemp("site")
    bundle = [str(_BUNDLER), str(_SOURCE), "--bundle", "--platform=browser"]
    subprocess.run([*bundle, f"--outfile={folder / 'sdk.js'}"], check=True, capture_output=True)
    page = "<!doctype html><title>SDK</title><link rel=icon href=data:><script src=sdk.js></script>"
    (folder / "index.html").write_text(page)
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=site.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    site.server_close()


def test_a_page_of_another_origin_reads_labels_and_the_request_s_id(
    origin: str, scripted_model: Path
) -> None:
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        missing("There is no Chromium here")
    photo = list(encode(quarters(), "PNG"))
    with serve(scripted_model, cors_origins=origin) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], timeout=2 * LIMIT_MS
        )
        page = new_page(browser)
        page.goto(origin)
        found = page.evaluate("([url, photo]) => window.detect(url, photo)", [server.url, photo])
        browser.close()
        assert found["labels"]
        assert server.logged(found["requestId"])["status"] == 200
