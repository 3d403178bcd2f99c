"""From candidate boxes in input pixels to detections on the picture.

A model may know more of an object than its box: a mask, keypoints, an angle. Such a thing is one
more field of ``Candidates`` with a row for each candidate, of a class in ``tasks``. The family's
decoder fills it, ``take`` carries it through the selection, and ``place`` moves it onto the picture
and into the field of ``Detection`` that has the same name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import NamedTuple

import numpy as np

from app.vision.arrays import Floats, Ints
from app.vision.nms import nms
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tasks.keypoints import Keypoint, Keypoints
from app.vision.tasks.masks import Mask, Masks
from app.vision.tasks.turned_boxes import TurnedBox, TurnedBoxes, turned_nms


class Options(NamedTuple):
    confidence: float = 0.25
    """A detection's probability is above this; 0..1."""
    iou: float = 0.7
    """Of boxes of one class that overlap by more than this only the best is kept; 0..1."""
    max_detections: int = 300
    classes: frozenset[int] | None = None
    """Only detections of these classes; None for all."""
    masks: bool = False
    """Whether masks are wanted of a model that has them."""
    tiles: bool = False
    """Whether a large picture is looked at in tiles, too."""


class Candidates(NamedTuple):
    """Objects above the threshold, one row each, before suppression."""

    boxes: Floats
    """(n, 4): x1, y1, x2, y2 in input pixels."""
    scores: Floats
    """(n,), 0..1."""
    classes: Ints
    """(n,): the best class of each box."""
    turned: TurnedBoxes | None = None
    """If there are any, ``boxes`` are the upright ones around them."""
    keypoints: Keypoints | None = None
    masks: Masks | None = None

    def take(self, rows: Ints) -> "Candidates":
        """Only ``rows``, in their order."""
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
    """One label of the picture as a whole."""

    label: str
    class_id: int
    probability: float


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
    classifications: list[Classification] | None = None
    """Highest probability first; None if the model finds objects."""


def select(found: Candidates, options: Options, *, needs_nms: bool) -> Candidates:
    """The candidates to answer with, highest score first."""
    if options.classes is not None:
        found = found.take(np.flatnonzero(np.isin(found.classes, list(options.classes))))
    if needs_nms:
        suppress, boxes = nms, found.boxes
        if found.turned is not None:
            suppress, boxes = turned_nms, found.turned.values
        kept = suppress(boxes, found.scores, found.classes, options.iou, options.max_detections)
        return found.take(kept)
    return found.take(np.argsort(-found.scores, kind="stable")[: options.max_detections])


def place(chosen: Candidates, letterbox: Letterbox, labels: Sequence[str]) -> list[Detection]:
    """Detections on the picture; boxes that have no area on it are left out."""
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
    """Labels of the picture, from candidates that have no place on it."""
    return [
        Classification(labels[index], index, score)
        for score, index in zip(chosen.scores.tolist(), chosen.classes.tolist(), strict=True)
    ]
