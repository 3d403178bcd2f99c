"""The student's distance to what the teacher says (Hinton et al., 2015, arXiv:1503.02531)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from models.train.boxes import complete_iou
from models.train.distillation.teacher import Soft
from models.train.loss import BOX_GAIN, SCORE_GAIN
from models.train.net import Raw

SURE = 0.1
"""Minimum score of an anchor whose box is learnt."""


def distillation_loss(raw: Raw, soft: Soft) -> Tensor:
    """Cross-entropy to the teacher's scores and CIoU to its boxes, weighted by its best score."""
    sure = soft.scores.amax(-1)
    norm = sure.sum().clamp(min=1.0)
    score = functional.binary_cross_entropy_with_logits(raw.scores, soft.scores, reduction="sum")
    image, anchor = (sure > SURE).nonzero(as_tuple=True)
    overlap = complete_iou(raw.boxes()[image, anchor], soft.boxes[image, anchor])
    box = ((1 - overlap) * sure[image, anchor]).sum()
    return (SCORE_GAIN * score + BOX_GAIN * box) / norm
