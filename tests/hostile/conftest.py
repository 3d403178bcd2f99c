from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.scripted import write_model
from tests.server import Server, serve


@pytest.fixture(scope="session")
def scripted_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "scripted.onnx")


@pytest.fixture(scope="module")
def server(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, allowed_hosts="*") as server:
        yield server
        assert "Traceback" not in server.output()
        assert {line["level"] for line in server.log()} <= {"info", "warning"}
