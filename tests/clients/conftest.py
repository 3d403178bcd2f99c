"""A server, its OpenAPI document, and what package.json names."""

import shutil
from pathlib import Path

import pytest

from tests.missing import missing
from tests.server import Server

FOLDER = Path(__file__).parent


@pytest.fixture(scope="session")
def node_modules() -> Path:
    folder = FOLDER / "node_modules"
    if not shutil.which("node"):
        missing("There is no node here")
    if not (folder / "orval").is_dir():
        missing("Run 'npm ci --prefix tests/clients' first")
    return folder


@pytest.fixture(scope="module")
def server(scene_server: Server) -> Server:
    return scene_server


@pytest.fixture(scope="module")
def workspace(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the server's openapi.json."""
    folder = tmp_path_factory.mktemp("clients")
    (folder / "openapi.json").write_bytes(server.client.get("/openapi.json").content)
    return folder
