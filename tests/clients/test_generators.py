"""Six generators make clients of the OpenAPI document: each uploads a photo and reads boxes."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients import generators
from tests.clients.conftest import FOLDER
from tests.clients.generators import run
from tests.missing import missing
from tests.server import Server

_OPENAPI_PYTHON_CLIENT = """
import json, sys
from spotter_client import Client
from spotter_client.api.detect import detect
from spotter_client.api.model import model
from spotter_client.models import DetectionResult, ImageForm, Problem
from spotter_client.types import File

url, photo = sys.argv[1:]
client = Client(base_url=url)
with open(photo, "rb") as file:
    found = detect.sync(client=client, body=ImageForm(file=File(payload=file)), confidence=0.5)
assert isinstance(found, DetectionResult)
refused = detect.sync(client=client, body=ImageForm(file=File(payload=b"text")))
assert isinstance(refused, Problem), refused
assert len(model.sync(client=client).labels) == 80
print(json.dumps([refused.code, [[one.label, one.bounding_box] for one in found.detections]]))
"""
_OPENAPI_GENERATOR = """
import json, sys
from openapi_client import ApiClient, ApiException, Configuration, DetectApi

url, photo = sys.argv[1:]
api = DetectApi(ApiClient(Configuration(host=url)))
with open(photo, "rb") as file:
    found = api.detect(file.read(), confidence=0.5, classes=["person", "bus"])
try:
    api.detect(b"text")
except ApiException as error:
    refused = json.loads(error.body)
print(json.dumps([refused["code"], [[one.label, one.bounding_box] for one in found.detections]]))
"""


@pytest.fixture(scope="module")
def expected(server: Server, bus: Path) -> list[Any]:
    """What each program prints: the code of a refusal, and labels with their boxes."""
    found = server.detect(bus.read_bytes(), confidence=0.5).json()["detections"]
    assert len(found) > 3
    return ["InvalidImageFormat", [[one["label"], one["boundingBox"]] for one in found]]


@pytest.fixture(scope="module")
def from_java(workspace: Path) -> str:
    """What openapi-generator has logged."""
    if not generators.openapi_generator_is_here():
        missing("There is no openapi-generator-cli here, or no Java")
    return generators.generate_by_openapi_generator(workspace)


@pytest.fixture(scope="module")
def typescript(workspace: Path, node_modules: Path, server: Server, from_java: str) -> Path:
    """The workspace with all TypeScript clients, and the programs compiled to JavaScript."""
    (workspace / "node_modules").symlink_to(node_modules)
    (workspace / "package.json").write_text('{"type": "module"}')
    generators.generate_typescript(workspace, node_modules, server.url)
    for program in (FOLDER / "programs").iterdir():
        shutil.copy(program, workspace)
    programs = sorted(path.name for path in workspace.glob("*.ts"))
    run(
        *("node", node_modules / "typescript" / "bin" / "tsc", "--strict", "--noEmit"),
        *("--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--skipLibCheck"),
        *("--module", "esnext", "--moduleResolution", "bundler", *programs),
        cwd=workspace,
    )
    run(
        # A program of its own, or of Node, by how it was installed.
        *(node_modules / ".bin" / "esbuild", "--bundle", "--platform=node"),
        *("--format=esm", "--outdir=compiled", *(p for p in programs if not p.endswith(".d.ts"))),
        cwd=workspace,
    )
    return workspace


@pytest.mark.parametrize("program", [*generators.TYPESCRIPT, "openapi_generator"])
def test_typescript(
    program: str, typescript: Path, server: Server, bus: Path, expected: list[Any]
) -> None:
    printed = run("node", f"compiled/{program}.js", server.url, bus, cwd=typescript)
    assert json.loads(printed) == expected


def test_openapi_python_client(
    workspace: Path, server: Server, bus: Path, expected: list[Any]
) -> None:
    client = workspace / "openapi_python_client"
    run(
        *(sys.executable, "-c", "from openapi_python_client.cli import app; app()", "generate"),
        *("--path", "openapi.json", "--output-path", client, "--fail-on-warning"),
        cwd=workspace,
    )
    printed = run(sys.executable, "-c", _OPENAPI_PYTHON_CLIENT, server.url, bus, cwd=client)
    assert json.loads(printed) == expected


def test_openapi_generator_s_python(
    workspace: Path, from_java: str, server: Server, bus: Path, expected: list[Any]
) -> None:
    client = workspace / "generated" / generators.RUN_HERE["python"]
    printed = run(sys.executable, "-c", _OPENAPI_GENERATOR, server.url, bus, cwd=client)
    assert json.loads(printed) == expected


@pytest.mark.parametrize("language", generators.ONLY_GENERATED)
def test_openapi_generator_in_other_languages(
    language: str, from_java: str, workspace: Path
) -> None:
    """They are not compiled here: their upload takes a file, and boxes are lists of numbers."""
    sources = [
        path.read_text(errors="replace")
        for path in (workspace / "generated" / language).rglob("*")
        if path.is_file() and "etect" in path.name
    ]
    assert any("boundingBox" in source for source in sources)
    assert any("multipart/form-data" in source for source in sources)
    assert "ERROR" not in from_java
