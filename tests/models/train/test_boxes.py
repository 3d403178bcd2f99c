import pytest
import torch

from models.train.boxes import complete_iou, iou

pytestmark = pytest.mark.kit


def test_iou_of_equal_half_and_distant_boxes() -> None:
    a = torch.tensor([0.0, 0.0, 10.0, 10.0])
    others = torch.tensor([[0.0, 0, 10, 10], [0, 0, 5, 10], [20, 20, 30, 30]])
    assert iou(a, others).tolist() == pytest.approx([1.0, 0.5, 0.0], abs=1e-4)


def test_complete_iou_falls_with_distance_where_nothing_overlaps() -> None:
    a = torch.tensor([[0.0, 0, 10, 10]] * 3)
    b = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]])
    same, near, far = complete_iou(a, b).tolist()
    assert same == pytest.approx(1.0, abs=1e-4)
    assert 0 > near > far


def test_complete_iou_is_lower_for_another_shape() -> None:
    a = torch.tensor([[0.0, 0, 10, 10]])
    b = torch.tensor([[0.0, 2.5, 20, 7.5]])
    value = complete_iou(a, b)
    assert value < iou(a, b)
