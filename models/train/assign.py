"""Assigns anchors to objects.

This is task-aligned assignment after Feng et al., 2021 (TOOD, arXiv:2108.07755).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.train.boxes import iou

FEWEST, MOST = 4, 10
"""Minimum and maximum number of anchors for one object."""
MOST_ANCHORS = 2100
"""Number of anchors of a picture of 320 x 320."""


class Targets(NamedTuple):
    """The concatenated boxes of a batch."""

    image: Tensor
    """Index in the batch of each box's picture ``[n]``."""
    classes: Tensor
    """``[n]``"""
    boxes: Tensor
    """``[n, 4]`` in input pixels."""
    ignored: Tensor
    """``[n]``: whether the box is neither object nor background."""
    wanted: Tensor
    """``[n, labels]``: the target score of each label for a box that fits exactly, 0 to 1."""

    def to(self, device: torch.device) -> Targets:
        return Targets(*(part.to(device, non_blocking=True) for part in self))


class Assignment(NamedTuple):
    scores: Tensor
    """Target score of every class ``[batch, anchors, classes]``."""
    counted: Tensor
    """1 for scores that count in the loss, else 0 ``[batch, anchors, classes]``."""
    image: Tensor
    """Picture of each positive anchor ``[positives]``."""
    anchor: Tensor
    """Index of each positive anchor ``[positives]``."""
    boxes: Tensor
    """Target box of each positive anchor ``[positives, 4]``."""
    quality: Tensor
    """Weight of each positive anchor: the target score of its object's label ``[positives]``."""


def assign(
    scores: Tensor,
    boxes: Tensor,
    points: Tensor,
    targets: Targets,
    *,
    candidates: int | None = None,
    alpha: float = 0.5,
    beta: float = 6.0,
) -> Assignment:
    """Assigns to every object the best ``candidates`` anchors inside it, by score^alpha * IoU^beta.

    By default the number of candidates depends on the size of the grid. ``scores`` are
    probabilities ``[batch, anchors, classes]``, ``boxes`` the decoded ones ``[batch, anchors, 4]``,
    both detached. An anchor that is chosen by several objects is assigned to the one that it
    overlaps most.
    """
    batch, anchors, _ = scores.shape
    real = ~targets.ignored
    image, classes, objects = targets.image[real], targets.classes[real], targets.boxes[real]
    overlap = iou(objects[:, None], boxes[image])  # [objects, anchors]
    confidence = scores[image, :, classes]
    alignment = confidence.pow(alpha) * overlap.pow(beta) * _inside(points, objects)
    rank, anchor = alignment.topk(min(candidates or usual_candidates(anchors), anchors), dim=1)

    # From here on: pairs of an object and one of its candidates, [objects, candidates].
    overlap = overlap.gather(1, anchor)
    place = image[:, None] * anchors + anchor
    usable = rank > 0
    most = overlap.new_zeros(batch * anchors)
    most.scatter_reduce_(0, place[usable], overlap[usable], "amax")
    won = usable & (overlap >= most[place])
    rank, overlap = rank * won, overlap * won
    # The best anchor of an object gets its best overlap as target, the others proportionally less.
    quality = rank * overlap.amax(1, True) / rank.amax(1, True).clamp(min=1e-9)

    owner, column = won.nonzero(as_tuple=True)
    at_image, at_anchor, strength = image[owner], anchor[owner, column], quality[owner, column]
    wanted = targets.wanted[real][owner]
    wanted_scores = torch.zeros_like(scores)
    wanted_scores[at_image, at_anchor] = strength[:, None] * wanted
    weight = strength * wanted.gather(1, classes[owner, None])[:, 0]
    counted = _counted(scores, points, targets)
    counted[at_image, at_anchor] = 1.0
    return Assignment(wanted_scores, counted, at_image, at_anchor, objects[owner], weight)


def usual_candidates(anchors: int) -> int:
    """10 for a picture of 320 x 320, fewer for smaller pictures, but at least 4.

    An object with the same relative size covers fewer anchors in a smaller picture.
    """
    return max(FEWEST, round(MOST * min(1.0, (anchors / MOST_ANCHORS) ** 0.5)))


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """``[boxes, points]``"""
    after = (points[None] > boxes[:, None, :2]).all(-1)
    before = (points[None] < boxes[:, None, 2:]).all(-1)
    return after & before


def _counted(scores: Tensor, points: Tensor, targets: Targets) -> Tensor:
    """Excludes the scores of an ignored box's class for all anchors inside the box."""
    counted = torch.ones_like(scores)
    image, classes, boxes = (part[targets.ignored] for part in targets[:3])
    box, point = _inside(points, boxes).nonzero(as_tuple=True)
    counted[image[box], point, classes[box]] = 0.0
    return counted
