"""Shifts each label's scores so that one threshold is best for all labels.

A detector is served with one confidence threshold, but the best threshold differs by label: rare
and small objects have low scores. One number per label is added to its logits, which keeps the
order of its detections and therefore its average precision. The best threshold is the one with the
highest F1 on validation photos.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.vision.detections import Candidates, Options
from app.vision.preprocess.input_spec import InputSpec
from models.common.boxes import iou
from models.train.evaluate import OPTIONS, detect
from models.train.image_cache import ImageStore
from models.train.net import Branch, Detector
from models.train.samples import Sample

Floats = NDArray[np.float64]

SERVED = 0.25
"""The threshold to calibrate for: the service's default confidence."""
MATCH = 0.5
"""IoU from which a detection is correct."""
PRIOR = 10.0
"""Weight of the overall curve in that of each label, in objects; it dominates for rare labels."""
GRID = 1 / (1 + np.exp(-np.linspace(-4.0, 1.5, 111)))
"""Thresholds to try, from 0.018 to 0.82."""
FLAT = 0.005
"""Thresholds within this F1 of the best one count as equally good."""


class Curves(NamedTuple):
    """Counts by label and threshold ``[labels, len(GRID)]``; objects ``[labels]``."""

    found: Floats
    right: Floats
    objects: Floats


class Gain(NamedTuple):
    """Macro F1 at the served threshold."""

    before: float
    after: float

    def __str__(self) -> str:
        return f"macro F1 at confidence {SERVED}: {self.before:.3f}, calibrated {self.after:.3f}"


def calibrate(
    detector: Detector,
    samples: Sequence[Sample],
    store: ImageStore,
    spec: InputSpec,
    *,
    options: Options = OPTIONS,
    device: torch.device,
) -> Gain:
    """Shifts the scores of ``detector`` in place; ``options`` are those in service.

    At least one photo has to show an object.
    """
    labels = detector.architecture.classes

    def measured() -> Curves:
        found = dict(detect(detector, store, spec, device=device, options=options))
        return curves(found, samples, labels)

    plain = measured()
    shift(detector, best_thresholds(plain))
    return Gain(macro_f1(plain), macro_f1(measured()))


def curves(found: Mapping[int, Candidates], samples: Sequence[Sample], labels: int) -> Curves:
    """``found`` is by index of the photo, with relative boxes as in ``samples``."""
    detections, right = np.zeros((2, labels, len(GRID)))
    objects = np.zeros(labels)
    for i, sample in enumerate(samples):
        np.add.at(objects, sample.classes[~sample.ignored], 1)
        if i not in found:
            continue
        boxes, scores, classes, *_ = found[i]
        for label in np.unique(classes):
            own = classes == label
            counts, hits = _judge(boxes[own], sample, int(label))
            above = scores[own][:, None] > GRID
            detections[label] += (above & counts[:, None]).sum(0)
            right[label] += (above & hits[:, None]).sum(0)
    return Curves(detections, right, objects)


def _judge(
    boxes: NDArray[np.float32], sample: Sample, label: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks over the boxes of a label, surest first: boxes that count, and correct boxes.

    Each object is matched once; boxes that match only an ignored box do not count.
    """
    known = sample.classes == label
    overlap = iou(boxes, sample.boxes[known])
    ignored = sample.ignored[known]
    counts, hits = np.ones(len(boxes), bool), np.zeros(len(boxes), bool)
    free = ~ignored
    for i, row in enumerate(overlap):
        fits = row >= MATCH
        if (fits & free).any():
            free[np.where(fits & free, row, -1).argmax()] = False
            hits[i] = True
        else:
            counts[i] = not (fits & ignored).any()
    return counts, hits


def f1(measured: Curves) -> Floats:
    """F1 by label and threshold ``[labels, len(GRID)]``; 0 if a label has no object."""
    both = measured.objects[:, None] + measured.found
    return 2 * measured.right / np.maximum(both, 1e-9)


def macro_f1(measured: Curves, threshold: float = SERVED) -> float:
    """Mean F1 of the labels that occur, at one threshold for all."""
    at = int(np.abs(GRID - threshold).argmin())
    return float(f1(measured)[measured.objects > 0, at].mean())


def best_thresholds(measured: Curves) -> Floats:
    """``[labels]``"""
    total = max(measured.objects.sum(), 1.0)
    share = PRIOR / total
    smoothed = Curves(
        measured.found + share * measured.found.sum(0),
        measured.right + share * measured.right.sum(0),
        measured.objects + PRIOR,
    )
    scores = f1(smoothed)
    # The median of the thresholds close to the best depends least on single photos.
    good = scores >= scores.max(1, keepdims=True) - FLAT
    return np.array([GRID[int(np.median(np.flatnonzero(row)))] for row in good])


def shift(detector: Detector, thresholds: Floats, served: float = SERVED) -> None:
    """Shifts each label's logits in place so that its threshold becomes ``served``."""
    moves = [_logit(served) - _logit(float(threshold)) for threshold in thresholds]
    with torch.no_grad():
        for branch in detector.score:
            bias = cast(Tensor, cast(Branch, branch).out.bias)
            bias += torch.tensor(moves, dtype=bias.dtype, device=bias.device)


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
