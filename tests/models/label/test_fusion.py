import numpy as np
import pytest

from models.common.boxes import Boxes
from models.label.fusion import fuse


def view(*rows: tuple[int, list[float], float]) -> Boxes:
    return Boxes(
        np.array([label for label, _, _ in rows], np.intp),
        np.array([box for _, box, _ in rows], np.float32).reshape(-1, 4),
        np.array([score for _, _, score in rows], np.float32),
    )


def test_one_view_stays_as_it_is() -> None:
    only = view((0, [0, 0, 10, 10], 0.9), (1, [0, 0, 10, 10], 0.5))
    fused = fuse([only])
    assert fused.classes.tolist() == [0, 1]
    assert np.allclose(fused.boxes, only.boxes)
    assert fused.scores == pytest.approx([0.9, 0.5])


def test_boxes_of_two_views_are_averaged_by_their_scores() -> None:
    fused = fuse([view((0, [0, 0, 10, 10], 0.9)), view((0, [0, 0, 12, 10], 0.3))])
    assert fused.boxes.tolist() == [pytest.approx([0, 0, 10.5, 10])]
    assert fused.scores == pytest.approx([0.6])


def test_what_one_view_alone_sees_has_half_its_score() -> None:
    fused = fuse([view((0, [0, 0, 10, 10], 0.8)), view()])
    assert fused.scores == pytest.approx([0.4])


def test_boxes_apart_or_of_another_label_are_not_joined() -> None:
    first = view((0, [0, 0, 10, 10], 0.9), (1, [0, 0, 10, 10], 0.8))
    fused = fuse([first, view((0, [20, 0, 30, 10], 0.7))])
    assert len(fused.scores) == 3
    assert fused.scores == pytest.approx([0.45, 0.4, 0.35])


def test_two_boxes_of_one_view_do_not_count_twice() -> None:
    twice = view((0, [0, 0, 10, 10], 0.8), (0, [0, 0, 10, 9], 0.6))
    fused = fuse([twice, view((0, [0, 0, 10, 10], 0.4))])
    assert fused.scores == pytest.approx([0.6])


def test_the_surest_comes_first_and_nothing_gives_nothing() -> None:
    fused = fuse([view((0, [0, 0, 5, 5], 0.2), (1, [20, 20, 30, 30], 0.9))])
    assert fused.scores == pytest.approx([0.9, 0.2])
    empty = fuse([view(), view()])
    assert empty.boxes.shape == (0, 4)
    assert len(empty.scores) == 0
