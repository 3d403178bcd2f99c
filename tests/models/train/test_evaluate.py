from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from app.vision.arrays import Floats
from app.vision.detections import Candidates
from models.train.canvas import input_of
from models.train.evaluate import detect, score
from models.train.net import Raw
from models.train.samples import Sample

pytestmark = pytest.mark.kit

BOXES = np.array([[0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]], np.float32)


def sample(ignored: list[bool]) -> Sample:
    wanted = np.eye(2, dtype=np.float32)
    return Sample(Path(), "val", np.array([0, 1]), BOXES, np.array(ignored), wanted)


def found(boxes: Floats, classes: list[int]) -> dict[int, Candidates]:
    scores = np.linspace(0.9, 0.5, len(boxes), dtype=np.float32)
    return {0: Candidates(boxes, scores, np.array(classes, dtype=np.intp))}


def test_the_truth_scores_one() -> None:
    scores = score(found(BOXES, [0, 1]), [sample([False, False])], [(100, 200)], ("cat", "dog"))
    assert scores.map50 == pytest.approx(1.0)
    assert scores.per_class["dog"] == pytest.approx((1.0, 1.0))


def test_a_wrong_class_scores_nothing() -> None:
    scores = score(found(BOXES, [1, 0]), [sample([False, False])], [(100, 200)], ("cat", "dog"))
    assert scores.map50 == 0


def test_an_ignored_box_is_neither_missed_nor_wrongly_found() -> None:
    for boxes, classes in ((BOXES, [0, 1]), (BOXES[:1], [0])):
        scores = score(found(boxes, classes), [sample([False, True])], [(100, 200)], ("cat", "dog"))
        assert scores.map50 == pytest.approx(1.0)
        assert set(scores.per_class) == {"cat"}


def test_nothing_found_scores_nothing() -> None:
    nothing = found(np.zeros((0, 4), np.float32), [])
    for answers in ({}, nothing):
        scores = score(answers, [sample([False, False])], [(100, 200)], ("cat", "dog"))
        assert (scores.map50, scores.map) == (0, 0)


class Corner(torch.nn.Module):
    """One box a picture: from the centre of the first cell, a stride to all sides."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Raw:
        self.shapes.append(tuple(images.shape))
        few, points = len(images), torch.tensor([[20.0, 16.0]])
        scores = torch.tensor([[[-9.0, 2.0]]]).expand(few, 1, 2)
        return Raw(scores, torch.zeros(few, 1, 4), points, torch.full((1, 1), 8.0))


def test_photos_are_laid_out_as_in_the_service_and_boxes_brought_back() -> None:
    photos = [np.zeros((60, 100, 3), np.uint8), np.zeros((100, 50, 3), np.uint8)]
    detector = Corner()
    answers = dict(
        detect(cast(Any, detector), cast(Any, photos), input_of(96), device=torch.device("cpu"))
    )
    assert detector.shapes == [(1, 3, 64, 128), (1, 3, 128, 64)]
    # The first is scaled to 107 x 64 and lies 10 pixels to the right, the second fills the input.
    width = 64 * 100 / 60
    for i, expected in enumerate(
        [(2 / width, 8 / 64, 18 / width, 24 / 64), (12 / 64, 8 / 128, 28 / 64, 24 / 128)]
    ):
        assert answers[i].boxes[0] == pytest.approx(expected, abs=1e-5)
        assert answers[i].classes.tolist() == [1]
        assert answers[i].scores[0] == pytest.approx(0.8808, abs=1e-4)
