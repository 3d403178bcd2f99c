"""NanoDet-Plus teaches what its own output says, moved to the centres of the cells."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from models.common.labels import COCO
from models.train.distillation.teacher import Soft, Teacher
from tests.models.train.distillation.untrained import answer

pytestmark = pytest.mark.kit

SIDE = 416
CELLS = {8: 52, 16: 26, 32: 13, 64: 7}
"""Rows and columns at each stride."""


class Level(NamedTuple):
    scores: NDArray[np.float32]
    """``[rows, columns, classes]``"""
    boxes: NDArray[np.float32]
    """``[rows, columns, 4]``"""

    def around(self, row: int, column: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean score of the four points around the centre of a cell, and the best point's box."""
        last = len(self.scores) - 1
        corners = [
            (min(row + down, last), min(column + right, last))
            for down in (0, 1)
            for right in (0, 1)
        ]
        best = max(corners, key=lambda corner: self.scores[corner].max())
        return np.mean([self.scores[corner] for corner in corners], axis=0), self.boxes[best]


@pytest.fixture(scope="module")
def soft(nanodet_file: Path, photo: torch.Tensor) -> Soft:
    return Teacher(nanodet_file, COCO, threads=1)(photo, answer(photo, len(COCO)))


@pytest.fixture(scope="module")
def levels(nanodet_file: Path, photo: torch.Tensor) -> dict[int, Level]:
    """The rows of the file's own output, with scores scaled as they are taught."""
    session = onnxruntime.InferenceSession(nanodet_file, providers=["CPUExecutionProvider"])
    rows = session.run(None, {"images": photo.numpy()})[0][0]
    odds = rows[:, 4:] / (1 - rows[:, 4:])
    scaled = odds**2 / (np.e + odds**2)
    found, start = {}, 0
    for stride, side in CELLS.items():
        end = start + side * side
        found[stride] = Level(
            scaled[start:end].reshape(side, side, -1), rows[start:end, :4].reshape(side, side, 4)
        )
        start = end
    assert start == len(rows)
    return found


@pytest.mark.parametrize("stride", [8, 16])
def test_an_anchor_has_the_scores_around_it_and_the_best_box(
    soft: Soft, levels: dict[int, Level], stride: int
) -> None:
    side, level = CELLS[stride], levels[stride]
    start = sum(CELLS[finer] ** 2 for finer in (8, 16) if finer < stride)
    for row, column in np.random.default_rng(0).integers(side, size=(100, 2)):
        scores, box = level.around(row, column)
        anchor = start + row * side + column
        assert np.allclose(soft.scores[0, anchor], scores, atol=1e-4)
        assert np.allclose(soft.boxes[0, anchor], box, atol=0.05)


def test_the_coarsest_anchors_know_the_level_that_the_student_lacks(
    soft: Soft, levels: dict[int, Level]
) -> None:
    start, coarser = 52**2 + 26**2, 0
    for row in range(13):
        for column in range(13):
            own, box = levels[32].around(row, column)
            scores, other = levels[64].around(row // 2, column // 2)
            anchor = start + row * 13 + column
            assert np.allclose(soft.scores[0, anchor], np.maximum(own, scores), atol=1e-4)
            wins = scores.max() > own.max()
            assert np.allclose(soft.boxes[0, anchor], other if wins else box, atol=0.05)
            coarser += wins
    assert 0 < coarser < 13 * 13
