"""Turned boxes: their corners, their place on the picture, and their suppression."""

import math

import numpy as np
import pytest

from app.vision.arrays import Array, Floats, Ints
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tasks import turned_boxes
from app.vision.tasks.turned_boxes import TurnedBoxes, corners, envelopes, turned_nms

UPRIGHT = np.array([[10, 20, 8, 4, 0]], dtype=np.float32)


def probiou(first: Floats, second: Floats) -> float:
    """Written out from the paper (arXiv:2106.06072), with matrices."""

    def covariance(box: Floats) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        turn = np.array(
            [[math.cos(box[4]), -math.sin(box[4])], [math.sin(box[4]), math.cos(box[4])]]
        )
        found: Array = turn @ np.diag([box[2] ** 2 / 12, box[3] ** 2 / 12]) @ turn.T
        return found

    one, two = covariance(first), covariance(second)
    mean = (one + two) / 2
    apart = (first - second)[:2].astype(float)
    distance = apart @ np.linalg.inv(mean) @ apart / 8 + 0.5 * math.log(
        np.linalg.det(mean) / math.sqrt(np.linalg.det(one) * np.linalg.det(two))
    )
    return 1 - math.sqrt(1 - math.exp(-distance))


def test_corners_go_round_from_the_lower_right() -> None:
    assert corners(UPRIGHT).tolist() == [[[14, 22], [14, 18], [6, 18], [6, 22]]]


def test_a_positive_angle_turns_clockwise_as_it_is_seen() -> None:
    quarter = UPRIGHT + np.array([0, 0, 0, 0, math.pi / 2], dtype=np.float32)
    # The side that was on the right is at the bottom, where y is larger.
    assert corners(quarter)[0, :2].mean(axis=0) == pytest.approx([10, 24], abs=1e-4)
    assert envelopes(quarter) == pytest.approx(np.array([[8, 16, 12, 24]]), abs=1e-4)


def test_boxes_are_placed_beyond_the_edges_too() -> None:
    plan = Letterbox.plan(InputSpec(size=(64, 64)), 200, 100, rectangular=False)
    (box,) = TurnedBoxes(np.array([[0, 32, 16, 8, 0.5]], dtype=np.float32)).place(plan)
    assert np.mean(box.corners, axis=0) == pytest.approx([0, 50], abs=1e-3)
    assert box.angle == pytest.approx(0.5)
    assert math.dist(box.corners[0], box.corners[1]) == pytest.approx(25, abs=1e-3)


def test_a_stretched_input_changes_the_angle() -> None:
    plan = Letterbox.plan(InputSpec(size=(64, 64), fit="stretch"), 128, 64, rectangular=False)
    (box,) = TurnedBoxes(np.array([[32, 32, 16, 8, math.pi / 4]], dtype=np.float32)).place(plan)
    assert box.angle == pytest.approx(math.atan(0.5))
    (right, _, left, _) = box.corners
    assert right[0] > left[0]


@pytest.mark.parametrize("at_a_time", [8, 1000])
@pytest.mark.parametrize("iou", [0.001, 0.05, 0.3, 0.7, 0.95, 1.0])
def test_each_box_is_compared_with_all_that_are_surer(
    iou: float, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept or not: that is how the reference package does it."""
    monkeypatch.setattr(turned_boxes, "_AT_A_TIME", at_a_time)
    random = np.random.default_rng(7)
    count = 120
    spread: Array = random.uniform([0, 0, 4, 4, -0.8], [60, 60, 40, 20, 2.4], (count, 5))
    boxes: Floats = spread.astype(np.float32)
    scores: Floats = random.permutation(count).astype(np.float32) / np.float32(count)
    classes = random.integers(0, 2, count)
    order = np.argsort(-scores)
    expected = [
        int(row)
        for place, row in enumerate(order)
        if not any(
            classes[other] == classes[row] and probiou(boxes[other], boxes[row]) > iou
            for other in order[:place]
        )
    ]
    assert turned_nms(boxes, scores, classes, iou, 1000).tolist() == expected
    assert turned_nms(boxes, scores, classes, iou, 3).tolist() == expected[:3]


@pytest.mark.parametrize("iou", [0, 0.01, 0.05, 0.2, 0.7])
def test_a_low_iou_does_not_compare_every_box_with_every_other(
    iou: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All 8,400 anchors of an input of 640 x 640, as with a confidence of 0."""
    random = np.random.default_rng(3)
    count = 8400
    spread: Array = random.uniform([0, 0, 4, 4, -0.8], [640, 640, 100, 100, 2.4], (count, 5))
    boxes: Floats = spread.astype(np.float32)
    compared, similar = 0, turned_boxes._Sorted.similar

    def counted(self: turned_boxes._Sorted, i: int, rows: Ints, iou: float) -> Ints:
        nonlocal compared
        compared += len(rows)
        return similar(self, i, rows, iou)

    monkeypatch.setattr(turned_boxes._Sorted, "similar", counted)
    scores = np.linspace(1, 0, count, dtype=np.float32)
    turned_nms(boxes, scores, np.zeros(count, dtype=np.intp), iou, 300)
    assert compared < count**2 / 2 / 6


def test_no_boxes_at_all() -> None:
    none = np.zeros((0, 5), dtype=np.float32)
    kept = turned_nms(none, none[:, 0], none[:, 0].astype(np.intp), 0.7, 300)
    assert kept.tolist() == []
    assert envelopes(none).shape == (0, 4)
