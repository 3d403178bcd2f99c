from pathlib import Path

import numpy as np
import pytest
import torch

from models.train.dataset import Sample
from models.train.evaluate import Found, layout, letterbox, score

pytestmark = pytest.mark.kit

BOXES = np.array([[0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]], np.float32)


def sample(ignored: list[bool]) -> Sample:
    wanted = np.eye(2, dtype=np.float32)
    return Sample(Path(), "val", np.array([0, 1]), BOXES, np.array(ignored), wanted)


def found(boxes: np.ndarray, classes: list[int]) -> dict[int, Found]:
    scores = torch.linspace(0.9, 0.5, len(boxes))
    return {0: Found(torch.from_numpy(boxes), scores, torch.tensor(classes))}


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


def test_photos_lie_centred_with_the_least_padding() -> None:
    pixels = np.zeros((60, 100, 3), np.uint8)
    place = layout(pixels, 160)
    assert place == (160, 96, 0, 0, (96, 160))
    tall = layout(np.zeros((100, 50, 3), np.uint8), 96)
    assert tall == (48, 96, 8, 0, (96, 64))
    laid = letterbox(np.zeros((100, 50, 3), np.uint8), tall)
    assert laid[0, :8].tolist() == [[114] * 3] * 8
    assert laid[:, 8:56].max() == 0
