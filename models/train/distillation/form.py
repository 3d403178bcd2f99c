"""What a teacher's graph offers, whatever its family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from models.train.net import Raw


class TeacherError(ValueError):
    """The file cannot be a teacher for these labels."""


class Answer(NamedTuple):
    """The teacher's opinion at the student's anchors."""

    scores: Tensor
    """Probability of each of the teacher's classes ``[batch, anchors, classes]``."""
    boxes: Tensor
    """Left, top, right, bottom in input pixels ``[batch, anchors, 4]``."""


@dataclass(frozen=True)
class Form:
    outputs: tuple[str, ...]
    """Tensors of the graph that ``answer`` is computed from."""
    maps: tuple[str, ...]
    """Feature maps of the neck, which the heads start from, in any order."""
    answer: Callable[[Sequence[Tensor], Raw], Answer]
    """From the outputs, and from the student's own for the same pictures."""
