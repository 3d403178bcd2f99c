"""Other clients than boto3: the AWS CLI, the AWS SDK for JavaScript, and a program as published."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.http.client import drawn
from tests.rekognition.clients import KEY_ID, SECRET, cli, environment, javascript, label, names
from tests.server import Server, serve

FILTERS = {
    "GeneralLabels": {"LabelCategoryInclusionFilters": ["Vehicles and Automotive"]},
    "ImageProperties": {"MaxDominantColors": 3},
}
BOTH = ["GENERAL_LABELS", "IMAGE_PROPERTIES"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(drawn())
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.png"
    path.write_text("no image")
    return path


def test_the_command_line(scripted: Server, photo: Path) -> None:
    parameters = ["--min-confidence", "30", "--max-labels", "2", "--features", *BOTH]
    done = cli(
        scripted,
        *("--image-bytes", f"fileb://{photo}"),
        *(*parameters, "--settings", json.dumps(FILTERS)),
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert names(answer) == ["Bus", "Transportation"]
    assert answer["ImageProperties"]["DominantColors"][0]["CSSColor"] == "black"


def test_the_command_line_is_told_what_was_wrong(scripted: Server, text: Path) -> None:
    done = cli(scripted, "--image-bytes", f"fileb://{text}")
    assert done.returncode != 0
    assert "(InvalidImageFormatException)" in done.stderr


def test_javascript(scripted: Server, photo: Path) -> None:
    request = {"MinConfidence": 30, "MaxLabels": 2, "Features": BOTH, "Settings": FILTERS}
    found = javascript(scripted, photo, request)
    assert found["requestId"]
    assert names(found["answer"]) == ["Bus", "Transportation"]
    box = label(found["answer"], "Bus")["Instances"][0]["BoundingBox"]
    assert all(0 <= side <= 1 for side in box.values())
    assert found["answer"]["ImageProperties"]["DominantColors"][0]["CSSColor"] == "black"


def test_javascript_is_told_what_was_wrong(scripted: Server, text: Path) -> None:
    error = javascript(scripted, text)
    assert error["name"] == "InvalidImageFormatException"
    assert error["typed"]
    assert error["status"] == 400
    assert "not an image" in error["message"]


def test_javascript_signs_as_it_should(scripted_model: Path, photo: Path) -> None:
    with serve(scripted_model, aws_credentials=f"{KEY_ID}:{SECRET}") as server:
        assert names(javascript(server, photo)["answer"])
        done = cli(server, "--image-bytes", f"fileb://{photo}")
        assert done.returncode == 0, done.stderr
    with serve(scripted_model, aws_credentials=f"{KEY_ID}:another") as server:
        assert javascript(server, photo)["name"] == "InvalidSignatureException"
        done = cli(server, "--image-bytes", f"fileb://{photo}")
        assert "(InvalidSignatureException)" in done.stderr


def test_a_program_with_only_its_endpoint_changed(coco: Server, bus: Path, tmp_path: Path) -> None:
    drawn_to = tmp_path / "boxes.png"
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).parent / "program.py"),
            *(coco.url, str(bus), str(drawn_to)),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "Label: Bus" in lines
    assert "  Parents: Transportation, Vehicle" in lines
    assert "  Aliases: Human" in lines
    assert lines[-1] == "Vehicles: Bus, Transportation, Vehicle"
    with Image.open(drawn_to) as picture:
        assert picture.size == (810, 1080)
        lime = (np.asarray(picture.convert("RGB")) == (0, 255, 0)).all(axis=-1)
    assert lime.sum() > 2000
