"""The loss of the detector."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from models.train.assign import Targets, assign
from models.train.boxes import complete_iou
from models.train.net import Raw

BOX_GAIN = 5.0
SCORE_GAIN = 1.0


class Loss(NamedTuple):
    total: Tensor
    box: Tensor
    score: Tensor


def detection_loss(raw: Raw, targets: Targets) -> Loss:
    """Quality-weighted CIoU of the positive anchors, and cross-entropy of every score.

    The target score of a positive anchor is its quality, as in TOOD (arXiv:2108.07755); both parts
    are divided by the sum of these qualities.
    """
    boxes = raw.boxes()
    scores = raw.scores
    assigned = assign(scores.detach().sigmoid(), boxes.detach(), raw.points, targets)
    norm = assigned.quality.sum().clamp(min=1.0)
    entropy = functional.binary_cross_entropy_with_logits(
        scores, assigned.scores, weight=assigned.counted, reduction="sum"
    )
    score = entropy / norm
    overlap = complete_iou(boxes[assigned.image, assigned.anchor], assigned.boxes)
    box = ((1 - overlap) * assigned.quality).sum() / norm
    return Loss(BOX_GAIN * box + SCORE_GAIN * score, box.detach(), score.detach())
