"""Computes COCO's average precision with pycocotools."""

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.vision.arrays import Array
from app.vision.detections import Options
from models.common.commands import require
from models.common.datasets import Box, Photo
from models.evaluate.sources import Prediction

_AREAS = ("all", "small", "medium", "large")
_MAX_DETECTIONS = 100
"""Maximum number of detections for each class and photo, as in COCO."""
CONFIDENCE, IOU = Options().confidence, 0.5
"""Where answers are right or wrong: above the service's default confidence, at this overlap."""


@dataclass(frozen=True)
class ClassScore:
    label: str
    photos: int
    objects: int
    """Number of objects, without ignored ones."""
    ap: float | None
    """Mean over IoU thresholds 0.50 to 0.95; None if the dataset has no such object."""
    ap50: float | None
    recall: float | None


@dataclass(frozen=True)
class Scores:
    map: float | None
    map50: float | None
    map75: float | None
    small: float | None
    medium: float | None
    large: float | None
    recall: float | None
    """Mean over thresholds and labels, with at most 100 detections per photo and label."""
    classes: list[ClassScore]
    photos_with_objects: int
    """Number of photos with an object that counts."""
    photos_right: int
    """Those of them in which all objects are found above CONFIDENCE, and nothing else is."""
    precision: Array
    """Shape (101 recalls, labels), at IoU 0.5; -1 if a label has no object."""
    recalls: Array


def score(
    photos: Sequence[Photo],
    boxes: Iterable[Box],
    found: Mapping[int, Sequence[Prediction]],
    labels: Sequence[str],
) -> Scores:
    """``found`` maps a photo's id to its predictions; only ``labels`` count."""
    cocoeval = require("pycocotools.cocoeval")
    categories = {label: number for number, label in enumerate(labels, start=1)}
    truth = [_truth(box, categories[box.label]) for box in boxes if box.label in categories]
    answers = [
        {"image_id": photo, "category_id": categories[item.label], "bbox": list(item.box),
         "area": item.box[2] * item.box[3], "score": item.probability, "iscrowd": 0}
        for photo, items in found.items() for item in items if item.label in categories
    ]  # fmt: skip

    class Evaluation(cocoeval.COCOeval):  # type: ignore[misc, name-defined, unused-ignore]
        def _prepare(self) -> None:
            super()._prepare()
            for group in self._gts.values():
                for box in group:
                    box["ignore"] = box["ignored"]

    with contextlib.redirect_stdout(io.StringIO()):
        tables = [_table(entries, photos, categories) for entries in (truth, answers)]
        evaluation = Evaluation(*tables, "bbox")
        evaluation.params.imgIds = [photo.id for photo in photos]
        evaluation.params.catIds = list(categories.values())
        evaluation.evaluate()
        evaluation.accumulate()
    return _scores(evaluation, truth, labels)


def _truth(box: Box, category: int) -> dict[str, Any]:
    return {
        "image_id": box.photo,
        "category_id": category,
        "bbox": list(box.bounds),
        "area": box.area,
        "iscrowd": int(box.crowd),
        "ignored": int(box.ignored),
    }


def _table(entries: list[dict[str, Any]], photos: Sequence[Photo], names: dict[str, int]) -> Any:
    table = require("pycocotools.coco").COCO()
    table.dataset = {
        "images": [{"id": photo.id} for photo in photos],
        "categories": [{"id": number, "name": name} for name, number in names.items()],
        # pycocotools uses the number 0 for "matches nothing".
        "annotations": [{**entry, "id": number} for number, entry in enumerate(entries, start=1)],
    }
    table.createIndex()
    return table


def _scores(evaluation: Any, truth: list[dict[str, Any]], labels: Sequence[str]) -> Scores:
    # Axes: IoU thresholds, recalls, labels, areas, detections; recall lacks the recalls axis.
    precision: Array = evaluation.eval["precision"][..., -1]
    recall: Array = evaluation.eval["recall"][..., 0, -1]
    thresholds = [round(float(value), 2) for value in evaluation.params.iouThrs]
    assert evaluation.params.maxDets[-1] == _MAX_DETECTIONS
    assert tuple(evaluation.params.areaRngLbl) == _AREAS
    whole = precision[..., 0]
    at50, at75 = thresholds.index(0.5), thresholds.index(0.75)
    classes = []
    for index, label in enumerate(labels):
        own = [box for box in truth if box["category_id"] == index + 1 and not box["ignored"]]
        classes.append(
            ClassScore(
                label,
                len({box["image_id"] for box in own}),
                len(own),
                _mean(whole[:, :, index]),
                _mean(whole[at50, :, index]),
                _mean(recall[:, index]),
            )
        )
    with_objects, without_mistake = _photos(evaluation, at50)
    small, medium, large = (_mean(precision[..., area]) for area in range(1, len(_AREAS)))
    return Scores(
        map=_mean(whole),
        map50=_mean(whole[at50]),
        map75=_mean(whole[at75]),
        small=small,
        medium=medium,
        large=large,
        recall=_mean(recall),
        classes=classes,
        photos_with_objects=with_objects,
        photos_right=without_mistake,
        precision=whole[at50],
        recalls=evaluation.params.recThrs,
    )


def _photos(evaluation: Any, threshold: int) -> tuple[int, int]:
    """Number of photos with an object that counts, and of those of them without a mistake.

    ``threshold`` is the index of IOU. Detections of ignored objects are not mistakes.
    """
    with_objects: set[int] = set()
    mistaken: set[int] = set()
    whole = evaluation.params.areaRng[0]
    for entry in evaluation.evalImgs:  # one for each photo and label that are in question
        if entry is None or entry["aRng"] != whole:
            continue
        claimed = np.asarray(entry["dtScores"]) > CONFIDENCE
        counts = claimed & ~entry["dtIgnore"][threshold].astype(bool)
        false = counts & (entry["dtMatches"][threshold] == 0)
        wanted = ~np.asarray(entry["gtIgnore"], dtype=bool)
        found = np.isin(entry["gtMatches"][threshold], np.asarray(entry["dtIds"])[claimed])
        if wanted.any():
            with_objects.add(entry["image_id"])
        if false.any() or (wanted & ~found).any():
            mistaken.add(entry["image_id"])
    return len(with_objects), len(with_objects - mistaken)


def _mean(values: Array) -> float | None:
    """Mean of the values other than -1, which stands for a label without objects."""
    present = values[values > -1]
    return float(np.mean(present)) if present.size else None
