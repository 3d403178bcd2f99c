"""Where the shared test data lies, and a Spotter on a real socket."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.server import Server, serve

REPOSITORY = Path(__file__).parent.parent
SHARED = Path(os.environ.get("SPOTTER_SHARED", REPOSITORY.parent / "shared"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without the shared data, a laptop skips what needs it, and says so; CI fails."""
    if SHARED.is_dir():
        return
    if os.environ.get("CI"):
        raise pytest.UsageError(f"The shared test data is not at {SHARED}; set SPOTTER_SHARED.")
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=f"no shared test data at {SHARED}"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What a laptop may skip, CI has to run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    if skipped := reporter.stats.get("skipped", []):
        for report in skipped:
            reporter.write_line(f"skipped in CI: {report.nodeid}: {report.longrepr}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def pillow_s_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers set their limit for the whole process; tests read pictures with Pillow, too."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with models/, eval/, train/ and images/."""
    return SHARED


@pytest.fixture(scope="session")
def default_server() -> Iterator[Server]:
    """A server with the shipped model and all default settings."""
    with serve() as server:
        yield server
