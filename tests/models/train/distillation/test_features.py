"""The student's maps learn the pattern of the teacher's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.train.distillation.features import Adapters
from models.train.distillation.teacher import Teacher
from tests.models.train.distillation.untrained import LABELS, WIDTH, answer, student

pytestmark = pytest.mark.kit


def test_a_student_learns_the_features(file: Path, photo: torch.Tensor) -> None:
    teacher = Teacher(file, LABELS, threads=1)
    learner = student()
    adapters = Adapters(WIDTH, teacher.channels)
    features = teacher(photo, answer(photo)).features
    optimizer = torch.optim.Adam([*learner.parameters(), *adapters.parameters()], lr=0.01)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = adapters(learner.pyramid(photo), features)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_features_of_any_scale_ask_the_same() -> None:
    adapters = Adapters(WIDTH, [4])
    level, wanted = torch.randn(2, WIDTH, 6, 6), torch.randn(2, 4, 6, 6)
    loss = adapters([level], [wanted])
    assert torch.allclose(loss, adapters([3 * level], [5 * wanted + 2]), rtol=1e-3)
