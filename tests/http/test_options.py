"""The query of /detect: each option, its bounds, and what is said to a wrong one."""

from pathlib import Path
from typing import Any

import pytest

from app.vision.model.load import load
from models.common import metadata
from tests.http.client import detections, drawn, post, problem
from tests.server import Server, serve

IMAGE = drawn()
ALL = ["cat", "dog", "cat", "bus", "traffic light"]
"""What the scripted model finds, by probability: 0.91, 0.75, 0.5, 0.31, 0.2."""


def labels(server: Server, **params: Any) -> list[str]:
    return [item["label"] for item in detections(post(server, IMAGE, params=params))]


FOUND: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["cat", "dog", "bus"]),
    ({"confidence": 0}, ["cat", "dog", "bus", "traffic light"]),
    ({"confidence": 0.25}, ["cat", "dog", "bus"]),
    ({"confidence": "3e-1"}, ["cat", "dog", "bus"]),
    ({"confidence": 0.4}, ["cat", "dog"]),
    ({"confidence": 1}, []),
    ({"iou": 0}, ["cat", "dog", "bus"]),
    ({"iou": 0.85}, ["cat", "dog", "bus"]),
    ({"iou": 0.99}, ["cat", "dog", "cat", "bus"]),
    ({"iou": 1, "confidence": 0}, ALL),
    ({"classes": "bus"}, ["bus"]),
    ({"classes": ["bus", "dog", "bus"]}, ["dog", "bus"]),
    ({"classes": "Traffic LIGHT", "confidence": 0.1}, ["traffic light"]),
    ({"classes": "traffic light"}, []),
    ({"classes[]": "bus"}, ["bus"]),
    ({"classes[]": ["bus", "dog"]}, ["dog", "bus"]),
    ({"classes[0]": "bus", "classes[1]": "dog"}, ["dog", "bus"]),
    ({"classes": "bus", "classes[]": "dog", "classes[0]": "bus"}, ["dog", "bus"]),
    ({"max_detections": 1}, ["cat"]),
    ({"max_detections": 2}, ["cat", "dog"]),
    ({"max_detections": 1000}, ["cat", "dog", "bus"]),
    ({"max_detections": 1, "classes": "bus"}, ["bus"]),
    ({"max_detections": 2, "classes": ["bus", "cat"]}, ["cat", "bus"]),
]


@pytest.mark.parametrize(("params", "expected"), FOUND, ids=str)
def test_options_choose(scripted: Server, params: dict[str, Any], expected: list[str]) -> None:
    assert labels(scripted, **params) == expected


@pytest.mark.parametrize("name", ["confidence", "iou"])
@pytest.mark.parametrize("value", ["-0.001", "1.001", "nan", "inf", "-inf", "1e999", "x", "", "½"])
def test_no_such_threshold(scripted: Server, name: str, value: str) -> None:
    detail = problem(post(scripted, IMAGE, params={name: value}), 422, "InvalidParameter")
    assert detail.startswith(name)


@pytest.mark.parametrize("value", ["0", "-1", "1001", "1.5", "nan", "x", "", "9" * 5000])
def test_no_such_maximum(scripted: Server, value: str) -> None:
    params = {"max_detections": value}
    detail = problem(post(scripted, IMAGE, params=params), 422, "InvalidParameter")
    assert detail.startswith("max_detections")
    assert len(detail) < 400


@pytest.mark.parametrize("name", ["confidence", "iou", "max_detections", "alt_text"])
def test_only_classes_may_be_repeated(scripted: Server, name: str) -> None:
    detail = problem(post(scripted, IMAGE, params={name: ["1", "1"]}), 422, "InvalidParameter")
    assert detail.startswith(name)
    assert "more than once" in detail


@pytest.mark.parametrize(
    "name", ["conf", "Confidence", "threshold", "confidence[]", "", "x" * 3000]
)
def test_an_unknown_option_is_named(scripted: Server, name: str) -> None:
    detail = problem(post(scripted, IMAGE, params={name: "0.5"}), 422, "InvalidParameter")
    assert name[:100] in detail
    assert len(detail) < 400


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("dogg", "dog"),
        ("trafic light", "traffic light"),
        ("zebra", "/model"),
        ("", "/model"),
        ("cat,dog", "Repeat the option"),
        ("<script>" * 500, "/model"),
    ],
)
def test_an_unknown_class_has_near_names(scripted: Server, given: str, told: str) -> None:
    params = {"classes": ["cat", given]}
    detail = problem(post(scripted, IMAGE, params=params), 422, "InvalidParameter")
    assert detail.startswith("classes")
    assert told in detail
    assert len(detail) < 400


@pytest.mark.parametrize("name", ["classes[a]", "classes[", "classes[-1]", "iou[]", "[]", "x[0]"])
def test_only_lists_have_brackets(scripted: Server, name: str) -> None:
    detail = problem(post(scripted, IMAGE, params={name: "0.5"}), 422, "InvalidParameter")
    assert repr(name) in detail


def test_there_is_an_end_to_classes(scripted: Server) -> None:
    params = {"classes": ["cat"] * 1001}
    assert "classes" in problem(post(scripted, IMAGE, params=params), 422, "InvalidParameter")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"alt_text": "true"}, "A bus, a dog and a cat."),
        ({"alt_text": "1", "iou": "1"}, "A bus, two cats and a dog."),
        ({"alt_text": "true", "classes": "traffic light"}, "No objects were recognised."),
        ({"alt_text": "false"}, None),
        ({}, None),
    ],
)
def test_alt_text(scripted: Server, params: dict[str, str], expected: str | None) -> None:
    answer = post(scripted, IMAGE, params=params).json()
    assert ("altText" in answer) == (expected is not None)
    assert answer.get("altText") == expected


def test_alt_text_is_yes_or_no(scripted: Server) -> None:
    params = {"alt_text": "a cat"}
    assert "alt_text" in problem(post(scripted, IMAGE, params=params), 422, "InvalidParameter")


def test_an_option_is_refused_before_the_body_is_looked_at(scripted: Server) -> None:
    problem(post(scripted, b"no image", params={"iou": "2"}), 422, "InvalidParameter")
    problem(post(scripted, b"no image"), 415, "InvalidImageFormat")


def test_settings_and_the_model_are_the_defaults_of_options(
    scripted: Server, scripted_model: Path, tmp_path: Path
) -> None:
    model = scripted.client.get("/model").json()
    assert model["thresholds"] == {"confidence": 0.25, "iou": 0.7, "maxDetections": 300}
    assert model["labels"] == ["cat", "dog", "traffic light", "bus"]
    again = metadata.describe(
        scripted_model.read_bytes(),
        load(scripted_model).description.model_copy(update={"iou": 0.95}),
    )
    careful = tmp_path / "careful.onnx"
    careful.write_bytes(again)
    with serve(careful) as server:
        assert server.client.get("/model").json()["thresholds"]["iou"] == 0.95
        assert labels(server) == labels(scripted, iou=0.95) != labels(scripted)
    settings = {"confidence": "0.15", "iou": "0.95", "max_detections": "4"}
    with serve(scripted_model, **settings) as server:
        thresholds = server.client.get("/model").json()["thresholds"]
        assert thresholds == {"confidence": 0.15, "iou": 0.95, "maxDetections": 4}
        assert labels(server) == ALL[:4]
        assert labels(server, max_detections=1000) == ALL
        assert labels(server, confidence=0.25, iou=0.7) == ["cat", "dog", "bus"]
