"""From candidate boxes in input pixels to detections on the picture.

A model may know more of an object than its box: a mask, keypoints, an angle. Such a thing is one
more array of ``Candidates`` with a row for each candidate. The family's decoder fills it, ``take``
carries it through the selection, and ``place`` moves it onto the picture and into ``Detection``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from app.vision.arrays import Floats, Ints
from app.vision.nms import nms
from app.vision.preprocess.letterbox import Letterbox


class Options(NamedTuple):
    confidence: float = 0.25
    """A detection's probability is above this; 0..1."""
    iou: float = 0.7
    """Of boxes of one class that overlap by more than this only the best is kept; 0..1."""
    max_detections: int = 300
    classes: frozenset[int] | None = None
    """Only detections of these classes; None for all."""


class Candidates(NamedTuple):
    """Objects above the threshold, one row each, before suppression."""

    boxes: Floats
    """(n, 4): x1, y1, x2, y2 in input pixels."""
    scores: Floats
    """(n,), 0..1."""
    classes: Ints
    """(n,): the best class of each box."""

    def take(self, rows: Ints) -> "Candidates":
        """Only ``rows``, in their order."""
        return Candidates._make(part[rows] for part in self)


class Detection(NamedTuple):
    label: str
    class_id: int
    probability: float
    box: tuple[float, float, float, float]
    """x, y, width, height in pixels of the upright picture, from its top left corner."""


@dataclass
class Timings:
    """Milliseconds of each stage."""

    decode: float = 0.0
    preprocess: float = 0.0
    inference: float = 0.0
    postprocess: float = 0.0


@dataclass(frozen=True)
class Detections:
    width: int
    """Pixels of the upright picture; ``height`` likewise."""
    height: int
    items: list[Detection]
    """Highest probability first."""
    timings: Timings = field(default_factory=Timings)
    began: float = 0.0
    """Start of decoding on the clock of ``time.perf_counter``."""


def select(found: Candidates, options: Options, *, needs_nms: bool) -> Candidates:
    """The candidates to answer with, highest score first."""
    if options.classes is not None:
        found = found.take(np.flatnonzero(np.isin(found.classes, list(options.classes))))
    if needs_nms:
        kept = nms(found.boxes, found.scores, found.classes, options.iou, options.max_detections)
        return found.take(kept)
    return found.take(np.argsort(-found.scores, kind="stable")[: options.max_detections])


def place(chosen: Candidates, letterbox: Letterbox, labels: Sequence[str]) -> list[Detection]:
    """Detections on the picture; boxes that have no area on it are left out."""
    boxes = letterbox.restore(chosen.boxes).astype(float)
    boxes[:, 2:] -= boxes[:, :2]
    return [
        Detection(labels[index], index, score, (x, y, width, height))
        for (x, y, width, height), score, index in zip(
            boxes.tolist(), chosen.scores.tolist(), chosen.classes.tolist(), strict=True
        )
        if width > 0 and height > 0
    ]
