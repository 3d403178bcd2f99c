"""Masks, keypoints, turned boxes and labels of the whole picture, on every surface."""

import io
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import schemathesis
from PIL import Image
from pycocotools import mask as coco

from tests.http.client import drawn
from tests.http.tasks import SIDE, TASKS, write_task
from tests.rekognition.clients import boto
from tests.server import Server, serve
from tests.vision.onnx_files import description, write

PHOTO = drawn(SIDE, SIDE)
VERSION = "arn:aws:rekognition:eu-central-1:123456789012:project/pets/version/first/1700000000000"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Starts a server for a task at its first use."""
    folder = tmp_path_factory.mktemp("tasks")
    servers: dict[str, Server] = {}
    with ExitStack() as stack:

        def serving(task: str) -> Server:
            if task not in servers:
                servers[task] = stack.enter_context(serve(write_task(folder, task)))
            return servers[task]

        yield serving


def detect(server: Server, **options: Any) -> Any:
    answer = server.client.post("/detect", content=PHOTO, params=options)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("task", TASKS)
def test_the_model_says_its_task(serving: Callable[[str], Server], task: str) -> None:
    assert serving(task).client.get("/model").json()["task"] == task


def test_masks_are_added_in_the_form_that_was_asked_for(
    serving: Callable[[str], Server],
) -> None:
    server = serving("segment")
    (plain,) = detect(server)["detections"]
    assert plain["boundingBox"] == [16, 32, 96, 64]
    assert "polygons" not in plain
    assert "rle" not in plain
    (found,) = detect(server, masks="polygons")["detections"]
    assert {**plain, "polygons": found["polygons"]} == found
    (ring,) = found["polygons"]
    assert sorted(ring) == [[16, 32], [16, 96], [64, 32], [64, 96]]
    (found,) = detect(server, masks="rle")["detections"]
    assert found["rle"]["size"] == [SIDE, SIDE]
    counts = found["rle"]["counts"].encode()
    assert coco.area({"size": [SIDE, SIDE], "counts": counts}) == 48 * 64
    assert coco.toBbox({"size": [SIDE, SIDE], "counts": counts}).tolist() == [16, 32, 48, 64]


def test_masks_of_a_segmenter_of_detr_s_kind(tmp_path: Path) -> None:
    """As RF-DETR exports it: the mask of an object is the map of its query."""
    boxes = np.array([[[0.5, 0.5, 0.75, 0.5], [0.5, 0.5, 0.2, 0.2]]], dtype=np.float32)
    labels = np.array([[[-9, 3, -9], [-9, -9, -9]]], dtype=np.float32)
    maps = np.full((1, 2, 16, 16), -1, dtype=np.float32)
    maps[0, 0, :, :8] = 1
    output = {"boxes": "cxcywh", "unit": "shares", "scores": "sigmoid", "numbers": [0, 1]}
    model = write(
        tmp_path / "rf-detr-seg.onnx",
        [boxes, labels, maps],
        description(family="raw_detr", output=output),
        names=["dets", "labels", "masks"],
    )
    with serve(model) as server:
        assert server.client.get("/model").json()["task"] == "segment"
        (found,) = detect(server, masks="polygons")["detections"]
        assert "polygons" not in detect(server)["detections"][0]
    assert (found["label"], found["boundingBox"]) == ("dog", [16, 32, 96, 64])
    (ring,) = found["polygons"]
    assert sorted(ring) == [[16, 32], [16, 96], [64, 32], [64, 96]]


@pytest.mark.parametrize("task", ["pose", "obb", "classify"])
def test_masks_of_a_model_without_any(serving: Callable[[str], Server], task: str) -> None:
    answer = serving(task).client.post("/detect?masks=rle", content=PHOTO)
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidParameter")
    assert f"has no masks; its task is '{task}'" in answer.json()["detail"]


def test_a_form_of_masks_that_is_none(serving: Callable[[str], Server]) -> None:
    answer = serving("segment").client.post("/detect?masks=png", content=PHOTO)
    assert answer.status_code == 422
    assert "'polygons' or 'rle'" in answer.json()["detail"]


def test_keypoints(serving: Callable[[str], Server]) -> None:
    answer = detect(serving("pose"), alt_text="true")
    (found,) = answer["detections"]
    assert found["keypoints"] == [
        {"name": "nose", "x": 56, "y": 60, "probability": 0.9},
        {"name": "tail", "x": 72, "y": 72, "probability": 0.25},
    ]
    assert answer["altText"] == "A cat."


def test_turned_boxes(serving: Callable[[str], Server]) -> None:
    (found,) = detect(serving("obb"))["detections"]
    assert found["boundingBox"] == [54, 44, 20, 40]
    assert found["angle"] == pytest.approx(math.pi / 2, abs=1e-5)
    assert found["corners"] == [[54, 84], [74, 84], [74, 44], [54, 44]]


def test_labels_of_the_whole_picture(serving: Callable[[str], Server]) -> None:
    server = serving("classify")
    dog = {"label": "dog", "classId": 1, "probability": 0.75}
    cat = {"label": "cat", "classId": 0, "probability": 0.25}
    answer = detect(server, alt_text="true", confidence=0.2)
    assert answer["detections"] == []
    assert answer["classifications"] == [dog, cat]
    assert answer["altText"] == "A photo of a dog."
    assert detect(server)["classifications"] == [dog]  # 0.25 is not above 0.25
    assert detect(server, confidence=0, max_detections=1)["classifications"] == [dog]
    assert detect(server, confidence=0, classes="cat")["classifications"] == [cat]
    nothing = detect(server, confidence=0.9, alt_text="true")
    assert (nothing["classifications"], nothing["altText"]) == ([], "Nothing was recognised.")


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_as_the_document_says(serving: Callable[[str], Server], task: str) -> None:
    server = serving(task)
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    for masks in ("polygons", "rle") if task == "segment" else (None,):
        params = {"confidence": 0, **({"masks": masks} if masks else {})}
        answer = server.client.post("/detect", content=PHOTO, params=params)
        answer.request.read()
        document["/detect"]["POST"].validate_response(answer)


def test_rekognition_s_labels_of_a_whole_picture_have_no_instances(
    serving: Callable[[str], Server],
) -> None:
    client = boto(serving("classify"))
    answer = client.detect_labels(Image={"Bytes": PHOTO}, MinConfidence=20)
    labels = {label["Name"]: label for label in answer["Labels"]}
    assert labels["Dog"]["Confidence"] == 75
    assert labels["Dog"]["Instances"] == []
    assert {"Name": "Animal"} in labels["Dog"]["Parents"]
    assert labels["Animal"]["Confidence"] == 75
    own = client.detect_custom_labels(
        ProjectVersionArn=VERSION, Image={"Bytes": PHOTO}, MinConfidence=20
    )
    assert own["CustomLabels"] == [
        {"Name": "dog", "Confidence": 75.0},
        {"Name": "cat", "Confidence": 25.0},
    ]


def test_deepstack_s_scene_is_the_best_label(serving: Callable[[str], Server]) -> None:
    answer = serving("classify").client.post("/v1/vision/scene", files={"image": PHOTO})
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert (answer.json()["label"], answer.json()["confidence"]) == ("dog", 0.75)
    objects = serving("classify").client.post("/v1/vision/detection", files={"image": PHOTO})
    assert objects.json()["predictions"] == []
    refused = serving("pose").client.post("/v1/vision/scene", files={"image": PHOTO})
    assert refused.status_code == 403
    assert refused.json()["error"] == "Scene endpoint not activated"


@pytest.mark.parametrize("task", TASKS)
def test_what_was_found_is_drawn(serving: Callable[[str], Server], task: str) -> None:
    answer = serving(task).client.post(
        "/detect", content=drawn(SIDE, SIDE, (0, 0, 0)), headers={"Accept": "image/png"}
    )
    image = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)
    lit = image.sum(axis=2) > 60
    inside, outside = {
        "segment": ((64, 40), (64, 90)),  # the mask covers the left half of the box
        "pose": ((60, 56), (72, 72)),  # the nose is drawn, and the unsure tail is not
        "obb": ((44, 64), (54, 90)),  # the upper edge; nothing right of the turned box
        "classify": ((6, 6), (64, 64)),  # a label in the corner
    }[task]
    assert lit[inside]
    assert not lit[outside]


@pytest.mark.parametrize("task", TASKS)
def test_the_log_counts_what_was_found(serving: Callable[[str], Server], task: str) -> None:
    detect(serving(task))
    lines = [line for line in serving(task).log() if line.get("path") == "/detect"]
    assert lines[-1]["detections"] == 1
