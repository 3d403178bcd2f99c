"""Each model family over HTTP, against the detections that come with its file.

Expected are those above 0.4 of the table in the README of the shared models: the same label, a
probability within 0.05, and the box, where the table has one, with an IoU above 0.9.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.matching import Expected, missing, overlap, read_row
from tests.server import REPOSITORY, Server, serve, start_failure

LEAST = 0.4
YOLOV8N_BUS = (
    "person .905 [671,384,810,880], person .885 [221,407,344,856], person .872 [50,398,244,905],"
    " bus .837 [35,230,795,768], person .413 [0,550,61,867]"
)
YOLOV8N_DOG = (
    "dog .930 [130,218,309,540], bicycle .897 [132,135,568,419], car .638 [467,76,693,172],"
    " truck .445 [468,75,693,172]"
)
YOLO26N_BUS = (
    "person .932 [47,401,241,901], bus .927 [11,231,801,753], person .915 [223,408,344,862],"
    " person .888 [669,394,810,879], person .515 [0,552,66,878]"
)
YOLO26N_DOG = (
    "bicycle .939 [124,134,563,420], dog .910 [131,225,312,541], truck .805 [466,73,689,172]"
)

# File, family by which it has to be adopted, bus.jpg, dog.jpg.
STATIC = [
    ("yolov8n", None, YOLOV8N_BUS, YOLOV8N_DOG),
    ("yolov8n-nms", None, YOLOV8N_BUS, YOLOV8N_DOG),
    ("yolov8n-fp16", None, YOLOV8N_BUS, YOLOV8N_DOG),
    ("yolov8n-fp16io", None, YOLOV8N_BUS, YOLOV8N_DOG),
    (
        "yolov8n-int8",
        None,
        "person .907, .890, .886, bus .815, person .427",
        "dog .952, bicycle .876, car .662, truck .455",
    ),
    (
        "yolov8n-seg",
        None,
        "person .872, bus .864, person .839, .833",
        "dog .878, bicycle .796, truck .631, car .470",
    ),
    ("yolo26n", None, YOLO26N_BUS, YOLO26N_DOG),
    (
        "yolov5n",
        None,
        "person .821, .816, .684, bus .560",
        "dog .751, car .721, bicycle .496",
    ),
    (
        "yolox_nano",
        "yolox",
        "bus .911 [8,230,806,734], person .850 [56,388,211,900], .816 [218,404,350,855],"
        " .678 [682,447,810,876]",
        "dog .829, car .809, bicycle .808",
    ),
    (
        "deimv2_atto",
        "detr",
        "person .810, .790, .732, bus .663, person .593",
        "car .754, dog .671, bicycle .602, truck .489",
    ),
    (
        "deimv2_femto",
        "detr",
        "bus .884, person .864, .843, .816, .425",
        "dog .725, car .671, bicycle .592, truck .518, cat .413",
    ),
]


def adopted(file: Path, family: str, out: Path) -> Path:
    command = [sys.executable, "-m", "models.adopt", str(file), "--family", family]
    command += ["--labels", "coco", "--out", str(out)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return out


def found(server: Server, photo: Path) -> list[dict[str, object]]:
    answer = server.detect(photo.read_bytes())
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["detections"]
    return items


def above(row: str) -> list[Expected]:
    expected = [item for item in read_row(row) if item.probability > LEAST]
    assert expected
    return expected


@pytest.mark.parametrize(("name", "family", "bus", "dog"), STATIC, ids=[row[0] for row in STATIC])
def test_a_static_file(
    shared: Path, tmp_path: Path, name: str, family: str | None, bus: str, dog: str
) -> None:
    model = shared / "models" / f"{name}.onnx"
    if family:
        model = adopted(model, family, tmp_path / f"{name}.onnx")
    with serve(model) as server:
        for photo, row in (("bus.jpg", bus), ("dog.jpg", dog)):
            items = found(server, shared / "models" / photo)
            assert missing(above(row), items) == [], items


# What has to be there of a rectangular input: its own figures differ a little from the table's.
DYNAMIC = ["yolov8n-dynamic", "yolo11n-dynamic", "yolo26n-dynamic"]


@pytest.mark.parametrize("name", DYNAMIC)
def test_a_dynamic_file(shared: Path, name: str) -> None:
    with serve(shared / "models" / f"{name}.onnx") as server:
        bus = found(server, shared / "models" / "bus.jpg")
        dog = found(server, shared / "models" / "dog.jpg")
    sure = [item["label"] for item in bus if float(str(item["probability"])) > 0.75]
    assert Counter(sure) == {"person": 3, "bus": 1}
    assert {"dog", "bicycle"} <= {item["label"] for item in dog}
    assert {"car", "truck"} & {item["label"] for item in dog}


@pytest.mark.parametrize("name", ["yolov8n", "yolov8n-dynamic"])
def test_four_people_and_a_bus(shared: Path, name: str) -> None:
    with serve(shared / "models" / f"{name}.onnx") as server:
        photo = (shared / "models" / "bus.jpg").read_bytes()
        answer = server.detect(photo, classes=["person", "bus"], alt_text=True).json()
    assert answer["altText"] == "A bus and four people."
    for expected in read_row(YOLOV8N_BUS):
        assert expected.box
        assert any(
            item["label"] == expected.label and overlap(item["boundingBox"], expected.box) > 0.85
            for item in answer["detections"]
        )


@pytest.mark.parametrize("name", ["yolox_nano", "deimv2_atto", "deimv2_femto"])
def test_a_file_that_does_not_say_what_it_is(shared: Path, name: str) -> None:
    code, output = start_failure(shared / "models" / f"{name}.onnx")
    assert code != 0
    assert "python -m models.adopt" in output
    assert "Traceback" not in output


def test_a_family_that_is_not_served(shared: Path) -> None:
    code, output = start_failure(shared / "models" / "nanodet_m.onnx")
    assert code != 0
    assert "family" in output
    assert "nanodet_m.onnx" in output
    assert "Traceback" not in output
