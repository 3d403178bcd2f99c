import pytest
import torch

from models.train.assign import Targets
from models.train.loss import detection_loss
from models.train.net import Architecture, Detector, Raw

pytestmark = pytest.mark.kit

POINTS = torch.tensor([[4.0, 4.0], [12.0, 4.0], [4.0, 12.0], [12.0, 12.0]])
STRIDES = torch.full((4, 1), 8.0)
BOX = torch.tensor([[0.0, 0.0, 8.0, 8.0]])


def raw(scores: torch.Tensor, distances: float = -0.693147) -> Raw:
    return Raw(scores, torch.full((1, 4, 4), distances), POINTS, STRIDES)


def one(ignored: bool = False) -> Targets:
    zero = torch.zeros(1, dtype=torch.int64)
    return Targets(zero, zero, BOX, torch.tensor([ignored]), torch.eye(2)[zero])


def test_right_answers_cost_next_to_nothing() -> None:
    scores = torch.full((1, 4, 2), -12.0)
    scores[0, 0, 0] = 12.0
    loss = detection_loss(raw(scores), one())
    assert loss.total.item() == pytest.approx(0.0, abs=1e-3)


def test_a_wrong_class_and_a_wrong_box_cost() -> None:
    scores = torch.full((1, 4, 2), -12.0)
    scores[0, 0, 1] = 12.0
    assert detection_loss(raw(scores), one()).score > 5
    right = torch.full((1, 4, 2), -12.0)
    right[0, 0, 0] = 12.0
    assert detection_loss(raw(right, distances=0.0), one()).box > 0.1


def test_scores_inside_an_ignored_box_have_no_gradient() -> None:
    scores = torch.zeros(1, 4, 2, requires_grad=True)
    torch.autograd.backward(detection_loss(raw(scores), one(ignored=True)).total)
    assert scores.grad is not None
    assert scores.grad[0, 0, 0] == 0
    assert scores.grad[0, 0, 1] > 0
    assert (scores.grad[0, 1:] > 0).all()


def test_gradients_reach_every_weight() -> None:
    torch.manual_seed(0)
    detector = Detector(
        Architecture(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1), neck=8, classes=2)
    )
    targets = Targets(
        torch.tensor([0, 1]),
        torch.tensor([0, 1]),
        torch.tensor([[8.0, 8, 40, 40], [0, 0, 60, 60]]),
        torch.tensor([False, False]),
        torch.eye(2),
    )
    torch.autograd.backward(detection_loss(detector(torch.rand(2, 3, 64, 64)), targets).total)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in detector.parameters())
