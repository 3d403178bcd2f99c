"""A teacher's boxes as soft labels beside the labels of people (Hinton et al., 2015, 1503.02531).

The boxes were made before the run, by ``models.label``: each has a label and a score. Every object
to learn has the wanted score of each label: 1 for what a person said, the teacher's score for what
it alone has seen, and a mixture where both have seen the same object.
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
"""Score from which such a box is neither object nor background.

NanoDet-Plus has two such boxes a photo, most of them of small things, and four more from 0.1 on.
"""
SAME_OBJECT = 0.6
"""IoU from which a box of another label is another opinion about the same object."""
NEAR = 0.3
"""IoU from which a box of the same label is no further object."""
PART = 0.7
"""Share of a box inside one of the same label from which it may be a part of it."""


class Objects(NamedTuple):
    """The objects of one photo; boxes are left, top, right, bottom."""

    classes: NDArray[np.int64]
    """``[n]``: the label that a person gave, or the teacher's best."""
    boxes: Floats
    """``[n, 4]``"""
    ignored: NDArray[np.bool_]
    """``[n]``: neither object nor background."""
    wanted: Floats
    """``[n, labels]``: the score of each label for a box that fits exactly, 0 to 1."""


def hard(
    classes: NDArray[np.int64], boxes: Floats, ignored: NDArray[np.bool_], labels: int
) -> Objects:
    """Objects that people labelled: the wanted score is 1 for their label, else 0."""
    return Objects(classes, boxes, ignored, np.eye(labels, dtype=np.float32)[classes])


def merge(known: Objects, teacher: Boxes) -> Objects:
    """``known`` with the teacher's scores, and what the teacher alone has seen behind them."""
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
    """Boxes that say nothing beyond the known objects, or are too unsure to count."""
    same = found.classes[:, None] == known.classes[None]
    near = (same & (overlap >= NEAR)) | (overlap >= SAME_OBJECT)
    within = inside(found.boxes, known.boxes) >= PART
    part = same & within & (known.ignored[None] | (found.scores < SURE)[:, None])
    return (near | part).any(1) | (found.scores < UNSURE)


def _distinct(found: Boxes, labels: int) -> Objects:
    """One object for boxes of several labels on the same thing, best first."""
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
