"""Awkward image files over HTTP: the status and the size that each has to give, and the memory."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.acceptance.matching import Expected, missing
from tests.conftest import SHARED
from tests.server import Server, serve

MOST_OVER_IDLE = 300_000_000
CODES = {413: "ImageTooLarge", 415: "InvalidImageFormat", 422: "InvalidImage"}
HEIC = {"multi.heic", "photo.heic", "truncated.heic"}
"""What a server with the extra 'heif', as the tests' own, can read."""


def expectations() -> list[tuple[str, int, tuple[int, int] | None]]:
    """File, status and, where that is 200, width and height."""
    table = SHARED / "images" / "expected.tsv"
    if not table.exists():
        return []
    rows = [line.split("\t") for line in table.read_text().splitlines()[1:]]
    return [
        (name, int(status), (int(width), int(height)) if width else None)
        for name, status, width, height in rows
    ]


EXPECTATIONS = expectations()


@pytest.fixture(scope="module")
def server(shared: Path) -> Iterator[Server]:
    with serve(shared / "models" / "yolov8n-dynamic.onnx") as server:
        yield server


@pytest.fixture(scope="module")
def images(shared: Path) -> Path:
    return shared / "images"


def check_answer(
    answer: httpx.Response, name: str, status: int, size: tuple[int, int] | None
) -> None:
    if name in HEIC:
        assert answer.status_code in (200, 415, 422), (name, answer.text)
        return
    assert answer.status_code == status, (name, answer.text)
    if size is None:
        assert answer.json()["code"] == CODES[status], name
    elif answer.headers["content-type"] == "application/json":
        assert answer.json()["image"] == {"width": size[0], "height": size[1]}, name
    else:
        assert Image.open(io.BytesIO(answer.content)).size == size, name


def test_every_file_as_expected_and_in_little_memory(images: Path) -> None:
    """On a server of its own, whose memory nothing else has raised; three at a time."""
    assert len(EXPECTATIONS) == len(list(images.iterdir())) - 2  # beside README and table
    with serve(images.parent / "models" / "yolov8n-dynamic.onnx") as server:
        idle = server.memory("VmRSS")
        for name, status, size in EXPECTATIONS:
            check_answer(server.detect((images / name).read_bytes()), name, status, size)
        peak = server.memory("VmHWM")
        assert peak - idle < MOST_OVER_IDLE, f"{(peak - idle) / 1e6:.0f} MB over idle"
        assert "Traceback" not in server.output()


@pytest.mark.parametrize(
    ("name", "status", "size"), EXPECTATIONS, ids=[row[0] for row in EXPECTATIONS]
)
def test_the_picture_answer_of_every_file(
    server: Server, images: Path, name: str, status: int, size: tuple[int, int] | None
) -> None:
    body = (images / name).read_bytes()
    answer = server.client.post("/detect", content=body, headers={"Accept": "image/jpeg"})
    check_answer(answer, name, status, size)


@pytest.mark.parametrize("scene", ["landscape", "portrait"])
def test_orientations_agree(server: Server, images: Path, scene: str) -> None:
    """The files are one scene, each encoded anew: nearly the same is found in all of them."""
    first, *others = (
        server.detect((images / f"exif_{scene}_{n}.jpg").read_bytes()).json()["detections"]
        for n in range(1, 9)
    )
    sure = [
        Expected(item["label"], item["probability"], item["boundingBox"])
        for item in first
        if item["probability"] > 0.5
    ]
    assert sure
    for other in others:
        assert missing(sure, other) == []
        assert abs(len(other) - len(first)) <= 2
