"""What the Ultralytics exporters write, as a Description."""

from typing import Any

import pytest

from app.errors import StartError
from app.vision.description import Description
from app.vision.model import ultralytics
from tests.vision.onnx_files import DETECT

STATIC = [1, 3, 640, 480]
DYNAMIC = [None, 3, None, None]
V8 = [[1, 6, 8400]]
"""The output's shape for two classes."""


def describe(
    metadata: dict[str, str], outputs: Any = V8, shape: Any = STATIC
) -> Description | None:
    declared = {f"output{number}": output for number, output in enumerate(outputs)}
    return ultralytics.describe(metadata, shape, declared, "model")


def family(metadata: dict[str, str], outputs: Any) -> str:
    found = describe(metadata, outputs)
    assert found is not None
    return found.family


def labels(names: str) -> tuple[str, ...]:
    found = describe({**DETECT, "names": names})
    assert found is not None
    return found.labels


def test_keys_become_the_description() -> None:
    found = describe({**DETECT, "license": "AGPL-3.0", "imgsz": "[320, 320]"})
    assert found is not None
    assert (found.name, found.license, found.input.stride) == ("model", "AGPL-3.0", 32)
    assert found.input.size == (640, 480)  # the axes, not the metadata
    assert (found.input.mean, found.input.std) == ((0, 0, 0), (255, 255, 255))
    assert (found.input.fit, found.input.pad_value, found.input.channels) == (
        "letterbox",
        114,
        "rgb",
    )


def test_other_exporters_files_are_none_of_its_business() -> None:
    assert describe({}) is None
    assert describe({"names": "['cat']"}) is None
    assert describe({"stride": "32"}) is None


@pytest.mark.parametrize(
    "names", ["{0: 'cat', 1: 'dog'}", "{1: 'dog', 0: 'cat'}", "['cat', 'dog']"]
)
def test_names_are_a_dict_or_a_list(names: str) -> None:
    assert labels(names) == ("cat", "dog")


@pytest.mark.parametrize(
    "names",
    ["{0: 'cat', 2: 'dog'}", "{1: 'cat', 2: 'dog'}", "{}", "[]", "'cat'", "2", "{'a': 1, 0: 2}"],
)
def test_names_that_do_not_number_the_classes(names: str) -> None:
    with pytest.raises(StartError, match="'names'"):
        labels(names)


@pytest.mark.parametrize("names", ["{0: 'cat'", "__import__('os')", "", "cat, dog", "(" * 5000])
def test_literals_that_cannot_be_read(names: str) -> None:
    with pytest.raises(StartError, match="cannot be read") as caught:
        labels(names)
    assert len(str(caught.value)) < 120


def test_dynamic_axes_take_their_size_from_imgsz() -> None:
    found = describe({**DETECT, "imgsz": "[480, 640]"}, shape=DYNAMIC)
    assert found is not None
    assert found.input.size == (480, 640)
    assert found.input.resample == "bilinear"


@pytest.mark.parametrize(
    "imgsz", [None, "640", "[640]", "[0, 640]", "[640, 'a']", "[640, None]", "[99999, 640]"]
)
def test_dynamic_axes_without_a_usable_imgsz(imgsz: str | None) -> None:
    metadata = DETECT if imgsz is None else {**DETECT, "imgsz": imgsz}
    with pytest.raises(StartError):
        describe(metadata, shape=DYNAMIC)


def test_older_yolov5_files_say_names_and_stride_only() -> None:
    old = {"names": "['cat', 'dog']", "stride": "32"}
    assert family(old, [[1, 25200, 7]]) == "yolov5"


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([[1, 6, 8400]], "yolov8"),
        ([[None, 6, None]], "yolov8"),
        ([[1, 38, 8400], [1, 32, 160, 160]], "yolov8"),
        ([[1, 25200, 7]], "yolov5"),
        ([[1, 300, 6]], "end2end"),
        ([[None, 300, 6]], "end2end"),
    ],
)
def test_the_family_follows_from_the_shape(outputs: Any, expected: str) -> None:
    assert family(DETECT, outputs) == expected


def test_one_class_and_six_columns_are_told_apart_by_what_the_exporter_says() -> None:
    one = {**DETECT, "names": "{0: 'cat'}"}
    three_in_each_cell = [[1, 3 * (80 * 60 + 40 * 30 + 20 * 15), 6]]
    assert family(one, [[1, 300, 6]]) == "end2end"
    assert family(one, three_in_each_cell) == "yolov5"
    assert family({**one, "end2end": "True"}, [[1, 300, 6]]) == "end2end"
    assert family({**one, "end2end": "False"}, [[1, 25200, 6]]) == "yolov5"
    assert family({**one, "args": "{'nms': True}"}, [[1, 300, 6]]) == "end2end"
    assert family({**one, "args": "{'nms': False}"}, [[1, 300, 6]]) == "end2end"
    assert family({**one, "args": "{'nms': False}"}, three_in_each_cell) == "yolov5"
    package = {**one, "description": "Ultralytics best model"}
    assert family(package, three_in_each_cell) == "end2end"


def test_a_fixed_number_of_boxes_of_a_dynamic_input_is_not_yolov5() -> None:
    one = {**DETECT, "names": "{0: 'cat'}", "imgsz": "[640, 640]"}
    for rows, expected in ((300, "end2end"), (None, "yolov5")):
        found = describe(one, [[None, rows, 6]], DYNAMIC)
        assert found is not None
        assert found.family == expected


def test_two_classes_and_six_columns_are_told_apart_by_the_description() -> None:
    def said(description: str, **more: str) -> str:
        return family({**DETECT, "description": description, **more}, [[1, 300, 6]])

    assert said("Ultralytics RT-DETR-l model") == "rtdetr"
    assert said("Ultralytics rtdetr-x model trained on mine.yaml") == "rtdetr"
    assert said("Ultralytics YOLOv10n model") == "end2end"
    assert said("Ultralytics best model", end2end="True") == "end2end"
    with pytest.raises(StartError, match="does not say which of end2end, rtdetr"):
        said("Ultralytics best model")


def test_an_rt_detr_is_stretched() -> None:
    found = describe({**DETECT, "description": "Ultralytics RT-DETR-l model"}, [[1, 300, 6]])
    assert found is not None
    assert found.input.fit == "stretch"


def test_names_may_be_json() -> None:
    assert labels('{"0": "cat", "1": "dog"}') == labels('["cat", "dog"]') == ("cat", "dog")
    for bad in ('["cat", null]', "{0: None, 1: 'dog'}"):
        with pytest.raises(StartError, match="without a label"):
            labels(bad)


@pytest.mark.parametrize("task", ["depth", "semantic", "segmentation", ""])
def test_other_tasks_are_refused(task: str) -> None:
    with pytest.raises(StartError, match=f"task '{task}'; export one for detect, .* classify"):
        describe({**DETECT, "task": task})


def test_other_outputs_tell_the_families_of_other_tasks() -> None:
    assert family({**DETECT, "task": "obb"}, [[1, 7, 8400]]) == "yolov8_obb"
    assert family({**DETECT, "task": "obb"}, [[1, 300, 7]]) == "end2end_obb"
    assert family({**DETECT, "task": "pose"}, [[1, 57, 6300]]) == "yolov8_pose"
    assert family({**DETECT, "task": "pose"}, [[1, 300, 57]]) == "end2end_pose"
    assert family({**DETECT, "task": "segment"}, [[1, 300, 38], [1, 32, 160, 160]]) == "end2end"
    assert family({**DETECT, "task": "classify"}, [[1, 2]]) == "whole_picture"


def test_keypoints_have_the_names_of_the_file_or_those_of_coco() -> None:
    def keypoints(rows: int, **said: str) -> tuple[str, ...]:
        found = describe({**DETECT, "task": "pose", **said}, [[1, 6 + rows, 6300]])
        assert found is not None
        assert found.output is not None
        assert found.output.keypoints is not None
        assert len(found.output.keypoints) * found.output.keypoint_values == rows
        return found.output.keypoints

    assert keypoints(51)[:2] == keypoints(34, kpt_shape="[17, 2]")[:2] == ("nose", "left_eye")
    assert keypoints(6, kpt_shape="[2, 3]") == ("point_1", "point_2")
    assert keypoints(6, kpt_shape="[3, 2]", kpt_names="{0: ['a', 'b', 'c']}") == ("a", "b", "c")
    assert keypoints(4, kpt_shape="(2, 2)", kpt_names="['a', 'b', 'c']") == ("point_1", "point_2")


@pytest.mark.parametrize(
    "shape", [None, "17", "[17]", "[17, 4]", "[0, 3]", "['a', 3]", "[True, 3]"]
)
def test_keypoints_that_nothing_counts(shape: str | None) -> None:
    said = {} if shape is None else {"kpt_shape": shape}
    with pytest.raises(StartError, match="kpt_shape"):
        describe({**DETECT, "task": "pose", **said}, [[1, 15, 6300]])


def test_a_classifier_is_cut_out_of_the_middle() -> None:
    said = {**DETECT, "task": "classify", "imgsz": "[224, 224]"}
    for shape in (STATIC, DYNAMIC):
        found = describe(said, [[1, 2]], shape)
        assert found is not None
        assert (found.input.fit, found.input.resample) == ("crop", "antialias")


@pytest.mark.parametrize("outputs", [[[1, 84, 8400]], [[1, 6]], [[1, 3, 4, 5]], [[2, 6, 8400]]])
def test_outputs_that_fit_no_family(outputs: Any) -> None:
    with pytest.raises(StartError, match="with 2 classes fit none of"):
        describe(DETECT, outputs)


@pytest.mark.parametrize("stride", ["many", "", "0", "1000"])
def test_a_stride_that_is_none(stride: str) -> None:
    with pytest.raises(StartError):
        describe({**DETECT, "stride": stride})
