"""Adds a teacher's boxes to human labels as soft labels (Hinton et al., 2015, arXiv:1503.02531).

The boxes come from ``models.label``, which runs before training: each has a label and a score.
Every object has a target score for each label: 1 for a human label, the teacher's score for an
object that only the teacher found, and a mixture if both found it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.common.boxes import Boxes, inside, iou
from models.common.labels import SURE

Floats = NDArray[np.float32]

TRUST = 0.4
"""Weight of the teacher's scores for an object that a person labelled."""
UNSURE = 0.15
"""Teacher boxes from this score up to ``SURE`` are neither object nor background.

NanoDet-Plus has two such boxes per photo, mostly of small objects, and four more from 0.1 on.
"""
SAME_OBJECT = 0.6
"""IoU from which a box with another label is a second opinion about the same object."""
NEAR = 0.3
"""IoU from which a box with the same label is not a separate object."""
PART = 0.7
"""Share of a box inside another one with the same label from which it may be a part of it."""


class Objects(NamedTuple):
    """The objects of one photo; boxes are left, top, right, bottom."""

    classes: NDArray[np.int64]
    """``[n]``: the label that a person gave, or the teacher's best."""
    boxes: Floats
    """``[n, 4]``"""
    ignored: NDArray[np.bool_]
    """``[n]``: whether the box is neither object nor background."""
    wanted: Floats
    """``[n, labels]``: the target score of each label for a box that fits exactly, 0 to 1."""


def hard(
    classes: NDArray[np.int64], boxes: Floats, ignored: NDArray[np.bool_], labels: int
) -> Objects:
    """Objects that people labelled: the target score is 1 for their label, else 0."""
    return Objects(classes, boxes, ignored, np.eye(labels, dtype=np.float32)[classes])


def merge(known: Objects, teacher: Boxes) -> Objects:
    """``known`` with the teacher's scores, followed by objects that only the teacher found."""
    if not len(teacher.scores):
        return known
    order = np.argsort(-teacher.scores, kind="stable")
    found = teacher.take(order)
    overlap = iou(found.boxes, known.boxes)
    wanted = known.wanted.copy()
    opinion = _opinions(found, overlap, wanted.shape[1])
    judged = ~known.ignored
    wanted[judged] = (1 - TRUST) * wanted[judged] + TRUST * opinion[judged]
    free = ~_explained(found, known, overlap)
    alone = _distinct(found.take(free), wanted.shape[1])
    unsure = (alone.wanted.max(1) < SURE) | _is_part(alone, known)
    return Objects(
        np.concatenate((known.classes, alone.classes)),
        np.concatenate((known.boxes, alone.boxes)),
        np.concatenate((known.ignored, unsure)),
        np.concatenate((wanted, alone.wanted)),
    )


def _opinions(found: Boxes, overlap: Floats, labels: int) -> Floats:
    """The teacher's best score of every label for every known object ``[known, labels]``."""
    scores = np.zeros((overlap.shape[1], labels), np.float32)
    box, known = np.nonzero(overlap >= SAME_OBJECT)
    np.maximum.at(scores, (known, found.classes[box]), found.scores[box])
    return scores


def _explained(found: Boxes, known: Objects, overlap: Floats) -> NDArray[np.bool_]:
    """Boxes that add nothing to the known objects, or whose score is too low to count."""
    same = found.classes[:, None] == known.classes[None]
    near = (same & (overlap >= NEAR)) | (overlap >= SAME_OBJECT)
    within = inside(found.boxes, known.boxes) >= PART
    part = same & within & (known.ignored[None] | (found.scores < SURE)[:, None])
    return (near | part).any(1) | (found.scores < UNSURE)


def _distinct(found: Boxes, labels: int) -> Objects:
    """Merges boxes with several labels on the same object, best first."""
    owner: list[int] = []
    wanted: list[Floats] = []
    overlap = iou(found.boxes, found.boxes)
    for i, (label, score) in enumerate(zip(found.classes, found.scores, strict=True)):
        same = [k for k, first in enumerate(owner) if overlap[first, i] >= SAME_OBJECT]
        if same:
            wanted[same[0]][label] = max(wanted[same[0]][label], score)
            continue
        owner.append(i)
        wanted.append(np.zeros(labels, np.float32))
        wanted[-1][label] = score
    return Objects(
        found.classes[owner],
        found.boxes[owner],
        np.zeros(len(owner), bool),
        np.array(wanted, np.float32).reshape(-1, labels),
    )


def _is_part(alone: Objects, known: Objects) -> NDArray[np.bool_]:
    within = inside(alone.boxes, known.boxes) >= PART
    same = alone.classes[:, None] == known.classes[None]
    return np.any(same & within, axis=1)
