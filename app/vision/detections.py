"""From candidate boxes in input pixels to detections on the picture.

A model may predict more than a box for an object: a mask, keypoints, an angle. Each of these is a
further field of ``Candidates``, with one row per candidate; its class is in ``tasks``. The family's
decoder fills it, ``take`` keeps the selected rows, and ``place`` moves it onto the picture and into
the field of ``Detection`` that has the same name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import NamedTuple

import numpy as np

from app.vision.arrays import Floats, Ints
from app.vision.nms import nms, soften
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tasks.keypoints import Keypoint, Keypoints
from app.vision.tasks.masks import Mask, Masks
from app.vision.tasks.turned_boxes import TurnedBox, TurnedBoxes, turned_nms

_FEWEST_RIVALS = 300
"""So many of the most probable boxes compete, even if fewer detections are asked for."""


class Options(NamedTuple):
    confidence: float = 0.25
    """Detections must have a probability above this; 0..1."""
    iou: float = 0.7
    """If two boxes of a class have an IoU above this, only the better one is kept; 0..1."""
    max_detections: int = 300
    classes: frozenset[int] | None = None
    """Only detections of these classes are returned; None for all."""
    masks: bool = False
    """Whether masks are computed, if the model has them."""
    tiles: bool = False
    """Whether large pictures are also searched in tiles."""
    agnostic_iou: float | None = None
    """Boxes of different classes with an IoU above this are one object; see ``nms.soften``."""


class Candidates(NamedTuple):
    """Objects above the threshold, one row each, before NMS."""

    boxes: Floats
    """(n, 4): x1, y1, x2, y2 in input pixels."""
    scores: Floats
    """(n,): scores, 0..1."""
    classes: Ints
    """(n,): the best class of each box."""
    turned: TurnedBoxes | None = None
    """Turned boxes, if the model predicts them; ``boxes`` then has their upright bounding boxes."""
    keypoints: Keypoints | None = None
    masks: Masks | None = None

    def take(self, rows: Ints) -> "Candidates":
        """Keeps only ``rows``, in the given order."""
        return Candidates(
            self.boxes[rows],
            self.scores[rows],
            self.classes[rows],
            None if self.turned is None else self.turned.take(rows),
            None if self.keypoints is None else self.keypoints.take(rows),
            None if self.masks is None else self.masks.take(rows),
        )


class Detection(NamedTuple):
    label: str
    class_id: int
    probability: float
    box: tuple[float, float, float, float]
    """x, y, width, height in pixels of the upright picture, from its top left corner."""
    turned: TurnedBox | None = None
    keypoints: tuple[Keypoint, ...] | None = None
    mask: Mask | None = None


class Classification(NamedTuple):
    """One label for the whole picture."""

    label: str
    class_id: int
    probability: float


@dataclass
class Timings:
    """Milliseconds spent in each stage."""

    decode: float = 0.0
    preprocess: float = 0.0
    inference: float = 0.0
    postprocess: float = 0.0


@dataclass(frozen=True)
class Detections:
    width: int
    """Width of the upright picture in pixels; ``height`` likewise."""
    height: int
    items: list[Detection]
    """Highest probability first."""
    timings: Timings = field(default_factory=Timings)
    began: float = 0.0
    """``time.perf_counter()`` at the start of decoding."""
    classifications: list[Classification] | None = None
    """Highest probability first; None if the model detects objects."""


def select(found: Candidates, options: Options, *, needs_nms: bool) -> Candidates:
    """The selected candidates, highest score first."""
    limit = options.max_detections
    if options.agnostic_iou is None:
        found = _of_classes(found, options.classes)
    else:  # boxes of other classes lower the scores, even if they are not asked for
        limit = max(limit, _FEWEST_RIVALS)
    if needs_nms:
        suppress, boxes = nms, found.boxes
        if found.turned is not None:
            suppress, boxes = turned_nms, found.turned.values
        kept = suppress(boxes, found.scores, found.classes, options.iou, limit)
    else:
        kept = np.argsort(-found.scores, kind="stable")[:limit]
    found = found.take(kept)
    if options.agnostic_iou is not None:
        found = _of_classes(_softened(found, options.agnostic_iou), options.classes)
        found = found.take(
            np.flatnonzero(found.scores > options.confidence)[: options.max_detections]
        )
    return found


def _of_classes(found: Candidates, classes: frozenset[int] | None) -> Candidates:
    if classes is None:
        return found
    return found.take(np.flatnonzero(np.isin(found.classes, list(classes))))


def _softened(found: Candidates, iou: float) -> Candidates:
    scores = soften(found.boxes, found.scores, found.classes, iou)
    return found._replace(scores=scores).take(np.argsort(-scores, kind="stable"))


def place(chosen: Candidates, letterbox: Letterbox, labels: Sequence[str]) -> list[Detection]:
    """Detections on the picture; boxes without any area on it are left out."""
    boxes = letterbox.restore(chosen.boxes).astype(float)
    boxes[:, 2:] -= boxes[:, :2]
    placed = [
        repeat(None, len(boxes)) if part is None else part.place(letterbox) for part in chosen[3:]
    ]
    return [
        Detection(labels[index], index, score, (x, y, width, height), *more)
        for (x, y, width, height), score, index, *more in zip(
            boxes.tolist(), chosen.scores.tolist(), chosen.classes.tolist(), *placed, strict=True
        )
        if width > 0 and height > 0
    ]


def classified(chosen: Candidates, labels: Sequence[str]) -> list[Classification]:
    """Labels of the whole picture, from candidates without a position."""
    return [
        Classification(labels[index], index, score)
        for score, index in zip(chosen.scores.tolist(), chosen.classes.tolist(), strict=True)
    ]
