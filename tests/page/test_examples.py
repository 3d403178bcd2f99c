"""The README's examples, each run exactly as it is printed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.page.visit import new_page
from tests.server import REPOSITORY, Server

README = (REPOSITORY / "README.md").read_text()
USE = README.partition("\n## Use it\n")[2].partition("\n### ")[0]
PROGRAM = README.partition("\n### From a program\n")[2].partition("\n### ")[0]

# Who connects to localhost:8000 gets to the server of the tests instead.
_ELSEWHERE = """
import socket
connect = socket.create_connection
socket.create_connection = lambda address, *rest, **options: connect(
    ("127.0.0.1", {port}) if address == ("localhost", 8000) else address, *rest, **options
)
"""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(server: Server, bus: Path, tmp_path: Path) -> Path:
    """A user's, with a photo and more photos."""
    shutil.copy(bus, tmp_path / "photo.jpg")
    (tmp_path / "photos").mkdir()
    for name in ("one", "and two"):
        shutil.copy(bus, tmp_path / "photos" / f"{name}.jpg")
    (tmp_path / ".curlrc").write_text(
        f"connect-to = localhost:8000:127.0.0.1:{server.port}\nfail\n"
    )
    (tmp_path / "sitecustomize.py").write_text(_ELSEWHERE.format(port=server.port))
    return tmp_path


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "CURL_HOME": str(folder), "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def expected(server: Server, bus: Path, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.detect(bus.read_bytes(), **options).json()["detections"]
    return found


def answers(printed: str) -> list[list[dict[str, Any]]]:
    """The detections of JSON documents that follow each other."""
    found, decoder = [], json.JSONDecoder()
    while printed:
        document, end = decoder.raw_decode(printed)
        found.append(document["detections"])
        printed = printed[end:].lstrip()
    return found


@pytest.mark.parametrize("command", blocks(USE, "sh"))
def test_curl(server: Server, bus: Path, folder: Path, command: str) -> None:
    printed = run(folder, "bash", "-euc", command)
    if "-o boxes.jpg" in command:
        with Image.open(folder / "boxes.jpg") as picture:
            assert picture.size == (810, 1080)
    elif "confidence=0.5" in command:
        chosen = [one for one in expected(server, bus, confidence=0.5) if one["label"] == "person"]
        assert answers(printed) == [chosen]
    else:
        assert answers(printed) == [expected(server, bus)] * command.count("curl")


def test_a_loop_over_a_folder(server: Server, bus: Path, folder: Path) -> None:
    (loop,) = blocks(PROGRAM, "sh")
    run(folder, "bash", "-euc", loop)
    results = sorted((folder / "photos").glob("*.json"))
    assert [file.name for file in results] == ["and two.json", "one.json"]
    for file in results:
        assert json.loads(file.read_text())["detections"] == expected(server, bus)


def test_python(server: Server, bus: Path, folder: Path) -> None:
    (code,) = blocks(PROGRAM, "python")
    assert run(folder, sys.executable, "-c", code).splitlines() == [
        f"{one['label']} {one['probability']} {one['boundingBox']}" for one in expected(server, bus)
    ]


def test_fetch(server: Server, bus: Path, launch: Callable[..., Browser]) -> None:
    """In a browser of its own, for which localhost:8000 is elsewhere."""
    (code,) = blocks(PROGRAM, "js")
    browser = launch(f"--host-resolver-rules=MAP localhost:8000 127.0.0.1:{server.port}")
    page = new_page(browser)
    page.goto("http://localhost:8000/model")
    page.evaluate("document.body.innerHTML = '<input type=file>'")
    page.set_input_files("input", bus)
    kept = "const seen = []; console.log = (...values) => seen.push(values);"
    printed: Any = page.evaluate(f"async () => {{ {kept} {code} return seen; }}")
    browser.close()
    assert printed == [
        [one["label"], one["probability"], one["boundingBox"]] for one in expected(server, bus)
    ]
