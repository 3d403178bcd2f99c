"""Where real models and photos lie, what stands in for them, and a Spotter on a real socket."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from tests import surroundings
from tests.server import Server, serve
from tests.shared_data import NO_SHARED, NONE, SHARED, THERE
from tests.stand_ins import scene

# An example may take any time where the machine is busy with something else.
settings.register_profile(
    "busy", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy")


def pytest_configure() -> None:
    """A folder that is named has to be there: nobody skips tests by a typing mistake."""
    if os.environ.get("SPOTTER_SHARED", NONE) not in ("", NONE) and not THERE:
        raise pytest.UsageError(f"SPOTTER_SHARED={SHARED}: there is no such folder.")
    surroundings.forget()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not THERE:
        for item in items:
            if "shared" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=NO_SHARED))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A laptop may lack programs that CI has to have; either may lack the shared data."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = reporter.stats.get("skipped", [])
    if wrong := [report for report in skipped if NO_SHARED not in str(report.longrepr)]:
        for report in wrong:
            reporter.write_line(f"skipped in CI: {report.nodeid}: {report.longrepr}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder."""
    return tmp_path_factory.mktemp("nowhere")


@pytest.fixture(autouse=True)
def no_working_directory(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on the folder that pytest was started in, or leaves anything there."""
    monkeypatch.chdir(nowhere)
    yield
    left = sorted(path.name for path in nowhere.iterdir())
    assert left == []


@pytest.fixture(autouse=True)
def pillow_s_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers set their limit for the whole process; tests read pictures with Pillow, too."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with models/, eval/, train/ and images/."""
    return SHARED


@pytest.fixture(scope="session")
def scene_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the drawn ``bus.jpg`` and ``dog.jpg``."""
    return scene.write_photos(tmp_path_factory.mktemp("scene-photos"))


@pytest.fixture(scope="session")
def bus(scene_photos: Path) -> Path:
    """A photo on which ``scene_server`` finds four people, a bus and things it is unsure of."""
    return scene_photos / "bus.jpg"


@pytest.fixture(scope="session")
def scene_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of COCO's 80 labels that knows the scene."""
    return scene.write_model(tmp_path_factory.mktemp("scene-model") / "scene.onnx")


@pytest.fixture(scope="session")
def scene_server(scene_model: Path) -> Iterator[Server]:
    with serve(scene_model) as server:
        yield server


@pytest.fixture(scope="session")
def default_server() -> Iterator[Server]:
    """A server with the shipped model and all default settings."""
    with serve() as server:
        yield server
