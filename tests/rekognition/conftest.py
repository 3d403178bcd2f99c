from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.scripted import write_model
from tests.rekognition.clients import boto
from tests.server import Server, serve


@pytest.fixture(scope="session")
def scripted_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "scripted.onnx")


@pytest.fixture(scope="session")
def scripted(scripted_model: Path) -> Iterator[Server]:
    """A server whose model finds the same in every picture: see ``tests/http/scripted.py``."""
    with serve(scripted_model) as server:
        yield server


@pytest.fixture(scope="session")
def rekognition(scripted: Server) -> Any:
    """boto3's client of ``scripted``."""
    return boto(scripted)


@pytest.fixture(scope="session")
def coco(scene_server: Server) -> Server:
    """A server that knows COCO's 80 labels."""
    return scene_server
