"""Mean average precision on validation photos, with the service's own preprocessing and NMS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from app.vision.arrays import Floats
from app.vision.description import Description
from app.vision.detections import Candidates, Options, select
from app.vision.families.spotter import FAMILY
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox
from models.common.datasets import Box, Photo
from models.evaluate import coco
from models.evaluate.sources import Prediction
from models.train.canvas import input_of
from models.train.image_cache import ImageStore
from models.train.net import Detector, Raw
from models.train.precision import autocast
from models.train.samples import Sample

OPTIONS = Options(confidence=0.001, iou=0.7, max_detections=300)
CANDIDATES = 1000
"""Maximum number of boxes per photo before NMS."""


class Scores(NamedTuple):
    map50: float
    map: float
    """Mean over IoU thresholds 0.50 to 0.95."""
    per_class: dict[str, tuple[float, float]]
    """AP50 and AP of each label that occurs."""


def served(description: Description) -> Options:
    """``OPTIONS`` with the suppression that the service uses for a file."""
    iou = OPTIONS.iou if description.iou is None else description.iou
    return OPTIONS._replace(iou=iou, agnostic_iou=description.agnostic_iou)


def candidates(raw: Raw) -> Iterator[Candidates]:
    """The best candidates of each picture, in input pixels."""
    boxes = raw.boxes()
    best, classes = raw.scores.sigmoid().max(-1)
    for i in range(len(boxes)):
        scores, order = best[i].topk(min(CANDIDATES, len(best[i])))
        order = order[scores > OPTIONS.confidence]
        rows: tuple[Tensor, ...] = boxes[i, order], best[i, order], classes[i, order]
        found, scored, numbers = (part.cpu().numpy() for part in rows)
        yield Candidates(found, scored, numbers)


def detect(
    detector: Detector,
    store: ImageStore,
    spec: InputSpec,
    *,
    device: torch.device,
    batch: int = 32,
    options: Options = OPTIONS,
    only: Sequence[int] | None = None,
) -> Iterator[tuple[int, Candidates]]:
    """Yields index and detections of every photo, grouped by shape.

    Detections are sorted by score; their boxes are relative to the photo's width and height.
    """
    groups: dict[tuple[int, int], list[tuple[int, Letterbox]]] = defaultdict(list)
    for i in range(len(store)) if only is None else only:
        height, width = store[i].shape[:2]
        plan = Letterbox.plan(spec, width, height, rectangular=True)
        groups[plan.input_height, plan.input_width].append((i, plan))
    training = detector.training
    detector.eval()
    for members in groups.values():
        for start in range(0, len(members), batch):
            chunk = members[start : start + batch]
            filled: list[Floats] = [
                plan.fill(Image.fromarray(store[i]), spec, np.dtype(np.float32))
                for i, plan in chunk
            ]
            with torch.no_grad(), autocast(device):
                raw: Raw = detector(torch.from_numpy(np.concatenate(filled)).to(device))
            for (i, plan), found in zip(chunk, candidates(raw), strict=True):
                chosen = select(found, options, needs_nms=FAMILY.needs_nms)
                size = np.array([plan.width, plan.height] * 2, dtype=np.float32)
                yield i, chosen._replace(boxes=plan.restore(chosen.boxes) / size)
    detector.train(training)


def evaluate(
    detector: Detector,
    samples: Sequence[Sample],
    store: ImageStore,
    labels: Sequence[str],
    side: int,
    *,
    device: torch.device,
) -> Scores:
    found = dict(detect(detector, store, input_of(side), device=device))
    return score(found, samples, [store[i].shape[:2] for i in range(len(store))], labels)


def score(
    found: Mapping[int, Candidates],
    samples: Sequence[Sample],
    shapes: Sequence[tuple[int, ...]],
    labels: Sequence[str],
) -> Scores:
    """Applies COCO's protocol; ignored boxes count as crowds."""
    photos, truth = [], []
    answers: dict[int, list[Prediction]] = {}
    for i, (sample, (height, width)) in enumerate(zip(samples, shapes, strict=True)):
        photos.append(Photo(i, sample.path, width, height, sample.split))
        for index, bounds, ignored in zip(
            sample.classes, _bounds(sample.boxes, width, height), sample.ignored, strict=True
        ):
            area = bounds[2] * bounds[3]
            truth.append(Box(i, labels[index], bounds, area, bool(ignored), bool(ignored)))
        if i in found:
            boxes, probabilities, classes, *_ = found[i]
            answers[i] = [
                Prediction(labels[index], probability, bounds)
                for bounds, probability, index in zip(
                    _bounds(boxes, width, height),
                    probabilities.tolist(),
                    classes.tolist(),
                    strict=True,
                )
            ]
    scores = coco.score(photos, truth, answers, labels)
    per_class = {
        each.label: (each.ap50, each.ap)
        for each in scores.classes
        if each.ap is not None and each.ap50 is not None
    }
    return Scores(scores.map50 or 0.0, scores.map or 0.0, per_class)


def _bounds(boxes: Floats, width: int, height: int) -> list[tuple[float, float, float, float]]:
    """Converts relative corners to x, y, width and height in pixels."""
    placed = boxes * np.array([width, height] * 2, dtype=np.float32)
    placed[:, 2:] -= placed[:, :2]
    return [(x, y, w, h) for x, y, w, h in placed.tolist()]
