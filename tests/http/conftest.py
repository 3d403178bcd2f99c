from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.scripted import write_model
from tests.server import Server, serve


@pytest.fixture(scope="session")
def scripted_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "scripted.onnx")


@pytest.fixture(scope="session")
def scripted(scripted_model: Path) -> Iterator[Server]:
    """A server whose model finds the same in every picture: see ``tests/http/scripted.py``."""
    with serve(scripted_model) as server:
        yield server
