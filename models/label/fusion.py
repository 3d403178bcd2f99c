"""Weighted box fusion (Solovyev et al., 2021, arXiv:1910.13302).

The boxes of several views of one photo, from flips or several models, are merged into one set. NMS
would keep only the surest box of a cluster; fusion averages them, which is more accurate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.vision.arrays import Floats, Ints
from models.common.boxes import Boxes, iou

SAME = 0.55
"""IoU with a cluster's fused box from which a box joins the cluster."""


def fuse(views: Sequence[Boxes], same: float = SAME) -> Boxes:
    """One box for each object, surest first.

    A fused box is the mean of its cluster, weighted by score. Its score is the mean over all views:
    0 for a view without a box, the best score for a view with several.
    """
    classes = np.concatenate([view.classes for view in views])
    boxes = np.concatenate([view.boxes for view in views]).astype(np.float32, copy=False)
    scores = np.concatenate([view.scores for view in views]).astype(np.float32, copy=False)
    view = np.repeat(np.arange(len(views)), [len(each.scores) for each in views])
    rows: list[tuple[int, Floats, float]] = []
    for label in np.unique(classes):
        chosen = np.flatnonzero(classes == label)
        order = chosen[np.argsort(-scores[chosen], kind="stable")]
        fused, confidence = _clusters(boxes[order], scores[order], view[order], len(views), same)
        rows += [
            (int(label), box, float(sure)) for box, sure in zip(fused, confidence, strict=True)
        ]
    rows.sort(key=lambda row: -row[2])
    return Boxes(
        np.array([label for label, _, _ in rows], np.intp),
        np.array([box for _, box, _ in rows], np.float32).reshape(-1, 4),
        np.array([score for _, _, score in rows], np.float32),
    )


def _clusters(
    boxes: Floats, scores: Floats, view: Ints, views: int, same: float
) -> tuple[Floats, Floats]:
    """Fused boxes and scores of one label; the boxes are given surest first."""
    fused = np.empty((len(boxes), 4), np.float32)
    total = np.zeros(len(boxes), np.float32)
    best = np.zeros((len(boxes), views), np.float32)
    count = 0
    for box, score, at in zip(boxes, scores, view, strict=True):
        overlap = iou(box[None], fused[:count])[0]
        place = int(overlap.argmax()) if count else 0
        if not count or overlap[place] < same:
            place, count = count, count + 1
            fused[place] = box
        else:
            share = score / max(total[place] + score, 1e-9)
            fused[place] += share * (box - fused[place])
        total[place] += score
        best[place, at] = max(best[place, at], score)
    return fused[:count], best[:count].sum(1) / views
