"""Awkward image files over HTTP: status and size that each has to give, turning, and memory."""

import io
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.acceptance.matching import overlap
from tests.server import REPOSITORY, Server, serve
from tests.shared_data import SHARED

ASTRONAUT = REPOSITORY / "app" / "page" / "files" / "samples" / "astronaut.jpg"
MOST_OVER_IDLE = 300_000_000
CODES = {413: "ImageTooLarge", 415: "InvalidImageFormat", 422: "InvalidImage"}


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
def model(shared: Path) -> Path:
    return shared / "models" / "yolov8n-dynamic.onnx"


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with serve(model) as server:
        yield server


@pytest.fixture(scope="module")
def images(shared: Path) -> Path:
    return shared / "images"


def check_answer(
    answer: httpx.Response, name: str, status: int, size: tuple[int, int] | None
) -> None:
    assert answer.status_code == status, (name, answer.text)
    if size is None:
        assert answer.json()["code"] == CODES[status], name
    elif answer.headers["content-type"] == "application/json":
        assert answer.json()["image"] == {"width": size[0], "height": size[1]}, name
    else:
        assert Image.open(io.BytesIO(answer.content)).size == size, name


@pytest.mark.parametrize("clients", [1, 8])
def test_every_file_as_expected_and_in_little_memory(
    model: Path, images: Path, clients: int
) -> None:
    """On a server of its own, whose memory nothing else has raised."""
    assert len(EXPECTATIONS) == len(list(images.iterdir())) - 2  # beside README and table

    with serve(model) as server, ThreadPoolExecutor(clients) as pool:
        idle = server.memory("VmRSS")
        bodies = [(images / name).read_bytes() for name, _, _ in EXPECTATIONS]
        for answer, expected in zip(pool.map(server.detect, bodies), EXPECTATIONS, strict=True):
            check_answer(answer, *expected)
        peak = server.memory("VmHWM")
        assert peak - idle < MOST_OVER_IDLE, f"{(peak - idle) / 1e6:.0f} MB over idle"
        assert "Traceback" not in server.output()


@pytest.mark.parametrize(
    ("name", "status", "size"),
    EXPECTATIONS or [("none", 0, None)],
    ids=[row[0] for row in EXPECTATIONS] or None,
)
def test_the_picture_answer_of_every_file(
    server: Server, images: Path, name: str, status: int, size: tuple[int, int] | None
) -> None:
    body = (images / name).read_bytes()
    answer = server.client.post("/detect", content=body, headers={"Accept": "image/jpeg"})
    check_answer(answer, name, status, size)


def test_heic_with_its_extra(model: Path, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make test` puts the extra where only this and its like look for it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(sys.prefix) / "heif"), prepend=os.pathsep)
    with serve(model) as server:
        photo = (images / "photo.heic").read_bytes()
        assert server.detect(photo).json()["image"] == {"width": 1280, "height": 854}
        assert server.detect(photo[: len(photo) // 10]).json()["code"] == "InvalidImage"
        for name in ("multi.heic", "truncated.heic"):
            assert server.detect((images / name).read_bytes()).status_code in (200, 422)


@pytest.mark.parametrize("scene", ["landscape", "portrait"])
def test_orientations_agree(server: Server, images: Path, scene: str) -> None:
    """The files are one scene, each encoded anew: nearly the same is found in all of them."""
    first, *others = (
        server.detect((images / f"exif_{scene}_{n}.jpg").read_bytes(), confidence=0.1).json()
        for n in range(1, 9)
    )
    best = first["detections"][0]
    for other in others:
        found = other["detections"][0]
        assert found["label"] == best["label"]
        assert found["probability"] == pytest.approx(best["probability"], abs=0.08)
        assert overlap(found["boundingBox"], best["boundingBox"]) > 0.95


TURNED = [
    # EXIF orientation, and how its pixels are stored so that a viewer turns them upright.
    (2, Image.Transpose.FLIP_LEFT_RIGHT),
    (3, Image.Transpose.ROTATE_180),
    (4, Image.Transpose.FLIP_TOP_BOTTOM),
    (5, Image.Transpose.TRANSPOSE),
    (6, Image.Transpose.ROTATE_90),
    (7, Image.Transpose.TRANSVERSE),
    (8, Image.Transpose.ROTATE_270),
]


@pytest.mark.parametrize(("orientation", "turn"), TURNED)
def test_the_same_pixels_turned_give_the_same(
    default_server: Server, orientation: int, turn: Image.Transpose
) -> None:
    server = default_server
    upright = Image.open(ASTRONAUT).resize((270, 360))
    expected = server.detect(as_png(upright, 1)).json()
    assert expected["detections"]
    assert server.detect(as_png(upright.transpose(turn), orientation)).json() == expected


def as_png(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, "PNG", exif=exif)
    return out.getvalue()


def test_json_and_pictures_show_the_same(scene_server: Server, scene_photos: Path) -> None:
    """Around each box of the JSON the picture answer differs from the photo; elsewhere not."""
    server = scene_server
    photo = Image.open(scene_photos / "dog.jpg").convert("RGB")
    body = as_png(photo, 1)
    found = server.detect(body).json()["detections"]
    headers = {"Accept": "image/png"}
    answer = server.client.post("/detect", content=body, headers=headers)
    drawn = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), dtype=int)
    changed = np.abs(drawn - np.asarray(photo, dtype=int)).max(axis=2) > 0
    for item in found:
        x, y, width, height = (round(value) for value in item["boundingBox"])
        assert changed[y + height // 2, x : x + 3].any()
        assert changed[y + height // 2, x + width - 4 : x + width + 1].any()
    left = min(item["boundingBox"][0] for item in found)
    assert not changed[:, : int(left) - 2].any()
