"""Which anchor answers for which object.

Task-aligned assignment after Feng et al., 2021 (TOOD, arXiv:2108.07755).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.train.boxes import iou


class Targets(NamedTuple):
    """The boxes of a batch, one after the other."""

    image: Tensor
    """Position in the batch of each box's picture ``[n]``."""
    classes: Tensor
    """``[n]``"""
    boxes: Tensor
    """``[n, 4]`` in input pixels."""
    ignored: Tensor
    """``[n]``: neither object nor background."""

    def to(self, device: torch.device) -> Targets:
        return Targets(*(part.to(device, non_blocking=True) for part in self))


class Assignment(NamedTuple):
    scores: Tensor
    """Wanted score of every class ``[batch, anchors, classes]``."""
    counted: Tensor
    """0 where a score is to be left alone, else 1 ``[batch, anchors, classes]``."""
    image: Tensor
    """Picture of each anchor in charge of an object ``[positives]``."""
    anchor: Tensor
    """Its position among the anchors ``[positives]``."""
    boxes: Tensor
    """The box that it shall give ``[positives, 4]``."""
    quality: Tensor
    """Its weight and wanted score ``[positives]``."""


def assign(
    scores: Tensor,
    boxes: Tensor,
    points: Tensor,
    targets: Targets,
    *,
    candidates: int = 10,
    alpha: float = 0.5,
    beta: float = 6.0,
) -> Assignment:
    """Give every object the best ``candidates`` anchors inside it, by score^alpha * IoU^beta.

    ``scores`` are probabilities ``[batch, anchors, classes]``, ``boxes`` the decoded ones
    ``[batch, anchors, 4]``, both detached. An anchor wanted by several objects goes to the one it
    overlaps most.
    """
    batch, anchors, _ = scores.shape
    real = ~targets.ignored
    image, classes, wanted = targets.image[real], targets.classes[real], targets.boxes[real]
    overlap = iou(wanted[:, None], boxes[image])  # [objects, anchors]
    confidence = scores[image, :, classes]
    alignment = confidence.pow(alpha) * overlap.pow(beta) * _inside(points, wanted)
    rank, anchor = alignment.topk(min(candidates, anchors), dim=1)

    # From here on pairs of an object and one of its candidates, [objects, candidates].
    overlap = overlap.gather(1, anchor)
    place = image[:, None] * anchors + anchor
    usable = rank > 0
    most = overlap.new_zeros(batch * anchors)
    most.scatter_reduce_(0, place[usable], overlap[usable], "amax")
    won = usable & (overlap >= most[place])
    rank, overlap = rank * won, overlap * won
    # The best anchor of an object is to score its best overlap, the others less in proportion.
    quality = rank * overlap.amax(1, True) / rank.amax(1, True).clamp(min=1e-9)

    owner, column = won.nonzero(as_tuple=True)
    at_image, at_anchor, strength = image[owner], anchor[owner, column], quality[owner, column]
    wanted_scores = torch.zeros_like(scores)
    wanted_scores[at_image, at_anchor, classes[owner]] = strength
    counted = _counted(scores, points, targets)
    counted[at_image, at_anchor] = 1.0
    return Assignment(wanted_scores, counted, at_image, at_anchor, wanted[owner], strength)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """``[boxes, points]``"""
    after = (points[None] > boxes[:, None, :2]).all(-1)
    before = (points[None] < boxes[:, None, 2:]).all(-1)
    return after & before


def _counted(scores: Tensor, points: Tensor, targets: Targets) -> Tensor:
    """Inside an ignored box no anchor is told anything of that class."""
    counted = torch.ones_like(scores)
    image, classes, boxes = (part[targets.ignored] for part in targets[:3])
    box, point = _inside(points, boxes).nonzero(as_tuple=True)
    counted[image[box], point, classes[box]] = 0.0
    return counted
