"""Following the teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.train.distillation.loss import SURE, distillation_loss
from models.train.distillation.teacher import Soft, Teacher
from models.train.net import Raw
from tests.models.train.distillation.untrained import LABELS, answer

pytestmark = pytest.mark.kit


def followed(images: torch.Tensor, surer: float = 0.0) -> Raw:
    """An answer that can be changed."""
    raw = answer(images)
    return raw._replace(
        scores=(raw.scores.detach() + surer).requires_grad_(),
        distances=raw.distances.detach().requires_grad_(),
    )


def test_nothing_is_to_be_learnt_where_both_agree(photo: torch.Tensor) -> None:
    raw = followed(photo, surer=4.0)  # else no box would be sure enough to count
    with torch.no_grad():
        soft = Soft(raw.scores.sigmoid(), raw.boxes())
    assert (soft.scores > SURE).any()
    torch.autograd.backward(distillation_loss(raw, soft))
    for answered in (raw.scores, raw.distances):
        assert answered.grad is not None
        assert answered.grad.abs().max() < 1e-6


def test_following_it_brings_the_loss_down(file: Path, photo: torch.Tensor) -> None:
    raw = followed(photo)
    soft = Teacher(file, LABELS, threads=1)(photo, raw)
    optimizer = torch.optim.Adam([raw.scores, raw.distances], lr=0.1)
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = distillation_loss(raw, soft)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    # What is left is the teacher's own doubt, which no answer takes away.
    doubt = distillation_loss(raw._replace(scores=soft.scores.logit(1e-6)), soft).item()
    assert losses[-1] - doubt < 0.2 * (losses[0] - doubt)
    sure = soft.scores[0].amax(-1) > 0.3
    assert torch.allclose(raw.scores[0, sure].sigmoid(), soft.scores[0, sure], atol=0.1)
    assert torch.allclose(raw.boxes()[0, sure], soft.boxes[0, sure], atol=12)
