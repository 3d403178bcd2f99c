"""What is learnt where people's labels and a teacher's boxes meet."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.common.boxes import Boxes
from models.common.labels import SURE
from models.train import dataset
from models.train.soft_labels import TRUST, UNSURE, Objects, hard, merge

pytestmark = pytest.mark.kit

CAT, DOG, HEN = range(3)


def known(*rows: tuple[int, list[float]], ignored: bool = False) -> Objects:
    classes = np.array([label for label, _ in rows], np.int64)
    boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
    return hard(classes, boxes, np.full(len(rows), ignored), 3)


def teacher(*rows: tuple[int, list[float], float]) -> Boxes:
    return Boxes(
        np.array([label for label, _, _ in rows], np.int64),
        np.array([box for _, box, _ in rows], np.float32).reshape(-1, 4),
        np.array([score for _, _, score in rows], np.float32),
    )


def test_without_a_teacher_labels_are_as_people_gave_them() -> None:
    objects = merge(known((DOG, [0, 0, 0.5, 0.5])), teacher())
    assert objects.wanted.tolist() == [[0, 1, 0]]


def test_a_labelled_object_learns_what_the_teacher_thinks_of_it_too() -> None:
    box = [0.1, 0.1, 0.5, 0.5]
    objects = merge(known((DOG, box)), teacher((DOG, box, 0.8), (CAT, box, 0.5)))
    assert len(objects.classes) == 1
    assert objects.wanted[0] == pytest.approx([TRUST * 0.5, 1 - TRUST + TRUST * 0.8, 0])


def test_an_object_that_the_teacher_misses_is_still_learnt() -> None:
    objects = merge(known((HEN, [0, 0, 0.2, 0.2])), teacher((DOG, [0.5, 0.5, 0.9, 0.9], 0.9)))
    assert objects.wanted[0] == pytest.approx([0, 0, 1 - TRUST])
    assert not objects.ignored[0]


@pytest.mark.parametrize(
    ("score", "kept", "ignored"),
    [
        (0.9, True, False),
        (SURE, True, False),
        (SURE - 0.01, True, True),
        (UNSURE - 0.01, False, True),
    ],
)
def test_what_the_teacher_alone_sees(score: float, kept: bool, ignored: bool) -> None:
    objects = merge(known(), teacher((CAT, [0, 0, 0.5, 0.5], score)))
    assert len(objects.classes) == kept
    if kept:
        assert objects.ignored.tolist() == [ignored]
        assert objects.wanted[0] == pytest.approx([score, 0, 0])


def test_a_box_near_a_label_of_its_kind_is_no_further_object() -> None:
    objects = merge(known((CAT, [0, 0, 0.4, 0.4])), teacher((CAT, [0, 0, 0.4, 0.2], 0.9)))
    assert len(objects.classes) == 1


def test_a_rider_on_a_labelled_horse_is_a_further_object() -> None:
    objects = merge(known((DOG, [0, 0.2, 0.6, 0.8])), teacher((CAT, [0.2, 0, 0.4, 0.5], 0.7)))
    assert objects.classes.tolist() == [DOG, CAT]
    assert objects.ignored.tolist() == [False, False]


def test_what_may_be_a_part_of_a_labelled_object_is_left_open_or_background() -> None:
    whole, part = [0, 0, 0.8, 0.8], [0.1, 0.1, 0.3, 0.3]
    sure = merge(known((CAT, whole)), teacher((CAT, part, 0.5)))
    assert sure.ignored.tolist() == [False, True]
    unsure = merge(known((CAT, whole)), teacher((CAT, part, SURE - 0.05)))
    assert len(unsure.classes) == 1


def test_boxes_inside_a_crowd_add_nothing() -> None:
    crowd = known((CAT, [0, 0, 0.8, 0.8]), ignored=True)
    objects = merge(crowd, teacher((CAT, [0.1, 0.1, 0.3, 0.3], 0.9)))
    assert objects.ignored.tolist() == [True]
    assert objects.wanted.tolist() == [[1, 0, 0]]


def test_two_opinions_about_one_unlabelled_thing_are_one_object() -> None:
    box = [0.1, 0.1, 0.5, 0.5]
    objects = merge(known(), teacher((CAT, box, 0.4), (DOG, [0.1, 0.1, 0.5, 0.49], 0.6)))
    assert objects.classes.tolist() == [DOG]
    assert objects.wanted[0] == pytest.approx([0.4, 0.6, 0])


def test_annotations_with_a_score_are_soft_labels(drawn: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(drawn, folder)
    document = json.loads((folder / "annotations.json").read_text("utf-8"))
    before = dataset.load(folder).samples[0]
    for entry in document["annotations"]:
        if entry["image_id"] == 0:
            entry["score"] = 0.6
    (folder / "annotations.json").write_text(json.dumps(document), "utf-8")
    after = dataset.load(folder).samples[0]
    assert len(after.classes) == len(before.classes)
    assert sorted(after.classes) == sorted(before.classes)
    assert after.wanted.max(1) == pytest.approx(0.6)
    assert before.wanted.max(1) == pytest.approx(1.0)
