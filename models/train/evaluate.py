"""Mean average precision on validation photos, laid out as the service lays them out."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.train.augment import PAD
from models.train.boxes import suppress
from models.train.dataset import Sample
from models.train.image_cache import ImageStore, Pixels
from models.train.net import STRIDES, Detector, Raw

CONFIDENCE = 0.001
OVERLAP = 0.7
CANDIDATES = 1000
MOST = 300


class Found(NamedTuple):
    """Detections of one photo, best first; boxes in shares of its width and height."""

    boxes: Tensor
    scores: Tensor
    classes: Tensor


class Scores(NamedTuple):
    map50: float
    map: float
    """Mean over IoU thresholds 0.50 to 0.95."""
    per_class: dict[str, tuple[float, float]]
    """AP50 and AP of each label that occurs."""


class Layout(NamedTuple):
    """Where a photo lies in its input: its size there, and the padding before it."""

    width: int
    height: int
    left: int
    top: int
    shape: tuple[int, int]


def layout(pixels: Pixels, side: int) -> Layout:
    """Long side ``side``, least padding to the stride, centred."""
    rows, columns = pixels.shape[:2]
    factor = side / max(rows, columns)
    width, height = max(1, round(columns * factor)), max(1, round(rows * factor))
    step = STRIDES[-1]
    shape = (-(-height // step) * step, -(-width // step) * step)
    return Layout(width, height, (shape[1] - width) // 2, (shape[0] - height) // 2, shape)


def letterbox(pixels: Pixels, place: Layout) -> Pixels:
    canvas = np.full((*place.shape, 3), PAD, np.uint8)
    scaled = Image.fromarray(pixels).resize((place.width, place.height), Image.Resampling.BILINEAR)
    rows, columns = (
        slice(place.top, place.top + place.height),
        slice(place.left, place.left + place.width),
    )
    canvas[rows, columns] = np.asarray(scaled)
    return canvas


def select(raw: Raw, overlap: float = OVERLAP) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Boxes in input pixels, scores and classes of each picture after suppression."""
    boxes = raw.boxes()
    best, classes = raw.scores.sigmoid().max(-1)
    found = []
    for i in range(len(boxes)):
        scores, order = best[i].topk(min(CANDIDATES, len(best[i])))
        order = order[scores > CONFIDENCE]
        kept = order[suppress(boxes[i, order], best[i, order], classes[i, order], overlap)][:MOST]
        found.append((boxes[i, kept], best[i, kept], classes[i, kept]))
    return found


def detect(
    detector: Detector,
    store: ImageStore,
    side: int,
    *,
    device: torch.device,
    batch: int = 32,
    overlap: float = OVERLAP,
    only: Sequence[int] | None = None,
) -> Iterator[tuple[int, Found]]:
    """Yield position and detections of every photo, photos of one shape together.

    ``overlap`` is the IoU of suppression.
    """
    groups: dict[tuple[int, int], list[tuple[int, Layout]]] = defaultdict(list)
    for i in range(len(store)) if only is None else only:
        place = layout(store[i], side)
        groups[place.shape].append((i, place))
    training = detector.training
    detector.eval()
    for members in groups.values():
        for start in range(0, len(members), batch):
            chunk = members[start : start + batch]
            stacked = np.stack([letterbox(store[i], place) for i, place in chunk])
            images = torch.from_numpy(stacked).permute(0, 3, 1, 2).to(device)
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
                raw: Raw = detector(images.float() / 255)
            for (i, place), (boxes, scores, classes) in zip(
                chunk, select(raw, overlap), strict=True
            ):
                size = torch.tensor([place.width, place.height] * 2, device=boxes.device)
                corner = torch.tensor([place.left, place.top] * 2, device=boxes.device)
                shares = ((boxes - corner) / size).clamp(0, 1)
                yield i, Found(shares.cpu(), scores.cpu(), classes.cpu())
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
    found = dict(detect(detector, store, side, device=device))
    return score(found, samples, [store[i].shape[:2] for i in range(len(store))], labels)


def score(
    found: dict[int, Found],
    samples: Sequence[Sample],
    shapes: Sequence[tuple[int, ...]],
    labels: Sequence[str],
) -> Scores:
    """COCO's protocol; ignored boxes count as its crowds do."""
    truth: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for i, (sample, shape) in enumerate(zip(samples, shapes, strict=True)):
        size = np.array([shape[1], shape[0]] * 2, np.float32)
        rows = zip(sample.classes, sample.boxes * size, sample.ignored, strict=True)
        for label, (x0, y0, x1, y1), ignored in rows:
            w, h = float(x1 - x0), float(y1 - y0)
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": i,
                    "category_id": int(label),
                    "bbox": [float(x0), float(y0), w, h],
                    "area": w * h,
                    "iscrowd": int(ignored),
                }
            )
        if i in found:
            boxes = found[i].boxes.numpy() * size
            boxes[:, 2:] -= boxes[:, :2]
            rows_found = zip(
                boxes.tolist(), found[i].scores.tolist(), found[i].classes.tolist(), strict=True
            )
            results += [
                {"image_id": i, "category_id": c, "bbox": b, "score": s} for b, s, c in rows_found
            ]
    return _coco_scores(truth, results, len(samples), labels)


def _coco_scores(
    truth: list[dict[str, Any]], results: list[dict[str, Any]], images: int, labels: Sequence[str]
) -> Scores:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if not results or not truth:
        return Scores(0.0, 0.0, {})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(images)],
            "annotations": truth,
            "categories": [{"id": i, "name": label} for i, label in enumerate(labels)],
        }
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"][..., 0, -1]  # [threshold, recall, class]
    per_class = {
        label: (float(precision[0, :, i].mean()), float(precision[:, :, i].mean()))
        for i, label in enumerate(labels)
        if (precision[:, :, i] >= 0).all()
    }
    return Scores(float(run.stats[1]), float(run.stats[0]), per_class)
