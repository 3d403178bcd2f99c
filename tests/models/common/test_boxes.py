import numpy as np
import pytest

from models.common.boxes import Boxes, inside, iou

SQUARE = np.array([[0, 0, 10, 10]], np.float32)
OTHERS = np.array([[0, 0, 10, 5], [5, 5, 15, 15], [20, 20, 30, 30], [3, 3, 3, 3]], np.float32)


def test_overlap_is_shared_area_over_that_of_both() -> None:
    assert iou(SQUARE, OTHERS)[0] == pytest.approx([0.5, 25 / 175, 0, 0])


def test_how_much_of_a_box_lies_inside_another() -> None:
    assert inside(OTHERS, SQUARE)[:, 0] == pytest.approx([1, 0.25, 0, 0])
    assert inside(SQUARE, OTHERS)[0] == pytest.approx([0.5, 0.25, 0, 0])


def test_boxes_are_taken_by_position_or_by_mask() -> None:
    found = Boxes(np.arange(4), OTHERS, np.array([0.1, 0.2, 0.3, 0.4], np.float32))
    assert found.take(np.array([3, 0])).classes.tolist() == [3, 0]
    assert found.take(found.scores > 0.15).classes.tolist() == [1, 2, 3]
