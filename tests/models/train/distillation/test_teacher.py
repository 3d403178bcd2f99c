"""A teacher is a file that the service could serve, of one of two families."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from models import adopt
from models.common.labels import COCO
from models.train.boxes import iou
from models.train.distillation.form import TeacherError
from models.train.distillation.teacher import TOGETHER, Teacher
from tests.models import tiny
from tests.models.train.distillation.untrained import LABELS, answer

pytestmark = pytest.mark.kit


@pytest.fixture(scope="module")
def teacher(file: Path) -> Teacher:
    return Teacher(file, LABELS, threads=1)


def test_it_sees_the_dog_where_it_is(teacher: Teacher, photo: torch.Tensor) -> None:
    soft = teacher(photo, answer(photo))
    surest = int(soft.scores[0, :, LABELS.index("dog")].argmax())
    assert soft.scores[0, surest, LABELS.index("dog")] > 0.5
    found = soft.boxes[0, surest] * torch.tensor([768 / 416, 576 / 416]).repeat(2)
    assert iou(found, torch.tensor([130.0, 218.0, 309.0, 540.0])) > 0.7


def test_the_surest_anchors_lie_in_the_dog(teacher: Teacher, photo: torch.Tensor) -> None:
    raw = answer(photo)
    scores = teacher(photo, raw).scores[0, :, LABELS.index("dog")]
    points = raw.points[scores.topk(5).indices] * torch.tensor([768 / 416, 576 / 416])
    assert (points > torch.tensor([130.0, 218.0])).all()
    assert (points < torch.tensor([309.0, 540.0])).all()


@pytest.mark.parametrize("sides", [(96, 160), (224, 64), (416, 416)])
def test_pictures_of_any_size_and_number(teacher: Teacher, sides: tuple[int, int]) -> None:
    images = torch.rand(TOGETHER + 1, 3, *sides)
    raw = answer(images)
    soft = teacher(images, raw)
    assert soft.scores.shape == raw.scores.shape
    assert soft.boxes.shape == (TOGETHER + 1, len(raw.points), 4)
    assert {len(each) for each in soft.features} == {TOGETHER + 1}
    for index in (0, TOGETHER):
        alone = teacher(images[index : index + 1], raw)
        assert torch.allclose(alone.scores[0], soft.scores[index], atol=1e-5)


def test_the_maps_of_its_neck_are_at_the_student_s_strides(
    teacher: Teacher, photo: torch.Tensor
) -> None:
    features = teacher(photo, answer(photo)).features
    assert [tuple(each.shape) for each in features] == [
        (1, channels, side, side)
        for channels, side in zip(teacher.channels, (52, 26, 13), strict=True)
    ]


def test_only_the_student_s_labels_are_taught(file: Path, photo: torch.Tensor) -> None:
    everything = Teacher(file, COCO, threads=1)(photo, answer(photo)).scores
    some = Teacher(file, LABELS, threads=1)(photo, answer(photo)).scores
    assert torch.equal(some, everything[..., [COCO.index(label) for label in LABELS]])


def test_labels_that_it_does_not_know(file: Path) -> None:
    with pytest.raises(TeacherError, match="has to know all labels; it has no 'unicorn'"):
        Teacher(file, ("dog", "unicorn"))


def test_labels_of_its_own(yolox_file: Path, photo: torch.Tensor, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"My {label}" for label in COCO))
    out = tmp_path / "other.onnx"
    assert adopt.main([str(yolox_file), "--labels", str(names), "--out", str(out)]) == 0
    other = Teacher(out, ("my dog", "my person", "my car"), threads=1)(photo, answer(photo))
    assert torch.equal(other.scores, Teacher(yolox_file, LABELS, 1)(photo, answer(photo)).scores)
    with pytest.raises(TeacherError, match="no 'dog'"):
        Teacher(out, LABELS)


@pytest.mark.parametrize("name", ["yolov8n", "yolov8n-dynamic", "yolov5n", "yolo26n"])
def test_models_of_other_families_do_not_teach(shared: Path, name: str) -> None:
    with pytest.raises(TeacherError, match="not a YOLOX or NanoDet-Plus file") as caught:
        Teacher(shared / "models" / f"{name}.onnx", LABELS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["deimv2_atto", "nanodet_m"])
def test_models_of_other_families_do_not_teach_if_adopted(
    shared: Path, name: str, tmp_path: Path
) -> None:
    out = tmp_path / "adopted.onnx"
    file = str(shared / "models" / f"{name}.onnx")
    assert adopt.main([file, "--labels", "coco", "--out", str(out)]) == 0
    with pytest.raises(TeacherError, match="not a YOLOX or NanoDet-Plus file"):
        Teacher(out, LABELS)


def test_a_file_that_does_not_describe_itself(shared: Path) -> None:
    with pytest.raises(TeacherError, match=r"python -m models\.adopt FILE --labels LABELS"):
        Teacher(shared / "models" / "yolox_nano.onnx", LABELS)


def test_files_that_are_no_model_or_a_cut_one(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    for content in (b"not a model", file.read_bytes()[:-1000], b""):
        other.write_bytes(content)
        with pytest.raises(TeacherError, match="has to be a model that Spotter serves") as caught:
            Teacher(other, LABELS)
        assert "\n" not in str(caught.value)
    for undescribed in (tiny.write(tiny.conv_model(), other), tmp_path / "gone.onnx"):
        with pytest.raises(TeacherError, match="has to be a model that Spotter serves") as caught:
            Teacher(undescribed, LABELS)
        assert "\n" not in str(caught.value)


def test_a_graph_for_pictures_of_one_size_only(nanodet_file: Path, tmp_path: Path) -> None:
    model = onnx.load(nanodet_file)
    shape = numpy_helper.from_array(np.array([1, 3, 416, 416]), "one_size")
    model.graph.initializer.append(shape)
    for node in model.graph.node:
        node.input[:] = ["fixed" if name == "images" else name for name in node.input]
    model.graph.node.insert(0, helper.make_node("Reshape", ["images", "one_size"], ["fixed"]))
    fixed = tmp_path / "fixed.onnx"
    onnx.save(model, fixed)
    with pytest.raises(TeacherError, match="its axes have to be dynamic") as caught:
        Teacher(fixed, LABELS)
    assert "\n" not in str(caught.value)
