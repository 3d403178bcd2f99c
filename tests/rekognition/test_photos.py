"""Photos: answers are as the service model has them, and all three APIs see the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.rekognition.taxonomy import Taxonomy
from tests.rekognition.clients import inline, post
from tests.rekognition.shapes import faults, leanness, output_shape
from tests.server import Server, serve

PHOTOS = 60
BOTH = ["GENERAL_LABELS", "IMAGE_PROPERTIES"]
TAXONOMY = Taxonomy.load()

Object = tuple[str, float, tuple[float, ...]]
"""Label, probability, and left, top, right, bottom in pixels."""


@pytest.fixture(scope="module")
def photos(shared: Path) -> list[Path]:
    found = sorted((shared / "eval" / "images").glob("*.jpg"))
    assert len(found) >= PHOTOS
    return found[:: len(found) // PHOTOS][:PHOTOS]


@pytest.fixture(scope="module")
def real(shared: Path) -> Iterator[Server]:
    with serve(shared / "models" / "yolov8n-dynamic.onnx") as server:
        yield server


def rekognised(answer: dict[str, Any], width: int, height: int) -> list[Object]:
    return [
        (
            label["Name"],
            instance["Confidence"] / 100,
            _corners(
                instance["BoundingBox"]["Left"] * width,
                instance["BoundingBox"]["Top"] * height,
                instance["BoundingBox"]["Width"] * width,
                instance["BoundingBox"]["Height"] * height,
            ),
        )
        for label in answer["Labels"]
        for instance in label["Instances"]
    ]


def detected(answer: dict[str, Any]) -> list[Object]:
    return [
        (
            TAXONOMY.of_label(item["label"]).name,
            item["probability"],
            _corners(*item["boundingBox"]),
        )
        for item in answer["detections"]
    ]


def seen(answer: dict[str, Any]) -> list[Object]:
    return [
        (
            TAXONOMY.of_label(item["label"]).name,
            item["confidence"],
            (item["x_min"], item["y_min"], item["x_max"], item["y_max"]),
        )
        for item in answer["predictions"]
    ]


def _corners(x: float, y: float, width: float, height: float) -> tuple[float, ...]:
    return x, y, x + width, y + height


def assert_same(found: list[Object], expected: list[Object], pixels: float) -> None:
    assert len(found) == len(expected)
    for one, other in zip(sorted(found, key=_order), sorted(expected, key=_order), strict=True):
        assert one[0] == other[0]
        assert one[1] == pytest.approx(other[1], abs=2e-6)
        assert one[2] == pytest.approx(other[2], abs=pixels)


def _order(item: Object) -> tuple[float, str, tuple[float, ...]]:
    return round(item[1], 4), item[0], item[2]


def test_three_apis_report_the_same_objects(real: Server, photos: list[Path]) -> None:
    assert same_objects(real, photos) > 2 * PHOTOS


def test_three_apis_report_the_same_of_a_scene(coco: Server, scene_photos: Path) -> None:
    photos = sorted(scene_photos.iterdir())
    assert same_objects(coco, photos) > 2 * len(photos)


def same_objects(coco: Server, photos: list[Path]) -> int:
    """How many objects the three APIs report, all of them the same."""
    shape, total = output_shape(), 0
    for photo in photos:
        image = photo.read_bytes()
        ours = coco.detect(image, confidence=0.4).json()
        width, height = ours["image"]["width"], ours["image"]["height"]

        aws = post(coco, inline(image, MinConfidence=40, Features=BOTH)).json()
        assert faults(aws, shape) == [], photo.name
        assert_whole(aws)
        assert_same(rekognised(aws, width, height), detected(ours), pixels=0.02)

        form: Any = {"image": image}
        local: httpx.Response = coco.client.post("/v1/vision/detection", files=form)
        assert_same(seen(local.json()), detected(ours), pixels=1)
        total += len(ours["detections"])
    return total


def assert_whole(answer: dict[str, Any]) -> None:
    """Nothing of the model is left out; labels and what is in them are in order."""
    assert {gap.rpartition(".")[2] for gap in leanness(answer, output_shape())} <= {
        "OrientationCorrection",
        "Contrast",  # of the foreground and the background, as the service leaves it out
    }
    labels = answer["Labels"]
    assert labels == sorted(labels, key=lambda label: (-label["Confidence"], label["Name"]))
    known = {label["Name"] for label in labels}
    assert len(known) == len(labels)
    for label in labels:
        assert {parent["Name"] for parent in label["Parents"]} <= known
        confidences = [instance["Confidence"] for instance in label["Instances"]]
        assert confidences == sorted(confidences, reverse=True)
        assert all(40 < confidence <= label["Confidence"] for confidence in confidences)
        for instance in label["Instances"]:
            box = instance["BoundingBox"]
            assert min(box["Left"], box["Top"]) >= 0
            assert box["Left"] + box["Width"] <= 1 + 1e-5
            assert box["Top"] + box["Height"] <= 1 + 1e-5
    properties = answer["ImageProperties"]
    for part in (properties, properties["Foreground"], properties["Background"]):
        percents = [colour["PixelPercent"] for colour in part["DominantColors"]]
        assert percents == sorted(percents, reverse=True)
        assert sum(percents) <= 100.01
        assert all(0 <= value <= 100 for value in part["Quality"].values())


def test_awkward_files_answer_as_detect_does(scripted: Server, shared: Path) -> None:
    """Never a failure of the server; AWS has fewer names for what is wrong with an image."""
    codes = {
        415: "InvalidImageFormatException",
        422: "InvalidImageFormatException",
        413: "ImageTooLargeException",
    }
    for path in sorted((shared / "images").iterdir()):
        image = path.read_bytes()
        if not image or path.suffix == ".tsv":
            continue
        ours = scripted.client.post("/detect", content=image)
        aws = post(scripted, inline(image, Features=BOTH))
        form: Any = {"image": image}
        local = scripted.client.post("/v1/vision/detection", files=form)
        if ours.status_code == 200:
            assert local.json()["success"], path.name
            assert faults(aws.json(), output_shape()) == [], path.name
        else:
            assert local.status_code == aws.status_code == 400, path.name
            assert aws.json()["__type"] == codes[ours.status_code], path.name
