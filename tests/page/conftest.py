"""A real browser, and the servers whose pages it opens."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.missing import missing
from tests.page.visit import LIMIT_MS, Visit
from tests.server import Server

FOLDER = Path(__file__).parent
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
expect.set_options(timeout=LIMIT_MS)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """What package.json names, once ``npm ci --prefix tests/page`` has fetched it."""
    folder = FOLDER / "node_modules"
    if not shutil.which("node"):
        missing("There is no node here")
    if not (folder / "axe-core").is_dir():
        missing("Run 'npm ci --prefix tests/page' first")
    return folder


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of Debian's Chromium, say."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        missing("There is no Chromium here")
    return program


@pytest.fixture(scope="package")
def playwright(chromium: str) -> Iterator[Playwright]:
    """Not for the whole session: its event loop would be in others' way."""
    try:
        playwright = sync_playwright().start()
    except Exception as error:  # its own class has no public name
        missing(f"Playwright cannot start, perhaps for lack of a library ({error})")
    yield playwright
    playwright.stop()


@pytest.fixture(scope="package")
def launch(playwright: Playwright, chromium: str) -> Callable[..., Browser]:
    def launch(*flags: str) -> Browser:
        return playwright.chromium.launch(
            executable_path=chromium, args=[*_FLAGS, *flags], timeout=2 * LIMIT_MS
        )

    return launch


@pytest.fixture(scope="package")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def server(scene_server: Server) -> Server:
    """With a model of 80 labels whose findings in ``bus.jpg`` are known."""
    return scene_server


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens addresses; afterwards nothing may have gone wrong, nor out of this machine."""
    visits: list[Visit] = []

    def open_page(url: str, expect_errors: bool = False, **options: object) -> Visit:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        visit = Visit(context.new_page(), expect_errors)
        visits.append(visit)
        visit.page.goto(url)
        return visit

    yield open_page
    for visit in visits:
        visit.page.context.close()
        visit.check()


@pytest.fixture
def visit(server: Server, open_page: Callable[..., Visit]) -> Visit:
    return open_page(f"{server.url}/")


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.page
