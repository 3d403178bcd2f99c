"""Reads labelled photos in COCO or YOLO format into one record per image."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.vision.images import formats
from models.common.boxes import Boxes
from models.train import soft_labels

SUFFIXES = formats.suffixes()
VAL_SHARE = 0.1

Split = Literal["train", "val"]


class DatasetError(ValueError):
    """The folder has no readable dataset; the message says what is missing."""


@dataclass(frozen=True)
class Sample:
    """One photo and its objects; boxes are relative to its width and height (0..1)."""

    path: Path
    split: Split
    classes: NDArray[np.int64]
    boxes: NDArray[np.float32]
    """``[n, 4]``: left, top, right, bottom."""
    ignored: NDArray[np.bool_]
    """Neither object nor background: COCO's ``iscrowd``, VOC's ``difficult``, unsure boxes."""
    wanted: NDArray[np.float32]
    """``[n, labels]``: the target score of each label for a box that fits exactly, 0 to 1."""


@dataclass(frozen=True)
class Dataset:
    labels: tuple[str, ...]
    samples: tuple[Sample, ...]

    def part(self, split: Split) -> tuple[Sample, ...]:
        return tuple(sample for sample in self.samples if sample.split == split)


def load(folder: Path) -> Dataset:
    """Reads COCO format (``annotations.json`` and ``images/``) or YOLO format (``data.yaml``).

    An annotation with a ``score`` comes from a model and is a soft label, see ``soft_labels``.

    If a dataset has no validation photos, every tenth photo is used for validation.
    """
    if (folder / "annotations.json").is_file():
        dataset = _load_coco(folder)
    elif (folder / "data.yaml").is_file():
        dataset = _load_yolo(folder)
    else:
        raise DatasetError(f"{folder}: found neither annotations.json (COCO) nor data.yaml (YOLO)")
    if not dataset.samples:
        raise DatasetError(f"{folder}: no images")
    return _with_validation(dataset)


def _with_validation(dataset: Dataset) -> Dataset:
    if dataset.part("val") or len(dataset.samples) < 2:
        return dataset
    every = round(1 / VAL_SHARE)
    samples = tuple(
        replace(sample, split="val")
        if i % every == min(every, len(dataset.samples)) - 1
        else sample
        for i, sample in enumerate(dataset.samples)
    )
    return Dataset(dataset.labels, samples)


class _Row(NamedTuple):
    """One box of an annotation file, relative to the photo."""

    label: int
    left: float
    top: float
    right: float
    bottom: float
    ignored: bool = False
    score: float | None = None
    """Score of the model that predicted the box; None for a box that a person drew."""


def _record(path: Path, split: Split, rows: Sequence[_Row], labels: int) -> Sample:
    people = [row for row in rows if row.score is None]
    models = [row for row in rows if row.score is not None]
    known = soft_labels.hard(
        *_columns(people), np.array([row.ignored for row in people], bool), labels
    )
    found = Boxes(*_columns(models), np.array([row.score for row in models], np.float32))
    objects = soft_labels.merge(known, found)
    kept = (objects.boxes[:, 2:] > objects.boxes[:, :2]).all(1)
    classes, boxes, ignored, wanted = objects
    return Sample(path, split, classes[kept], boxes[kept], ignored[kept], wanted[kept])


def _columns(rows: Sequence[_Row]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Labels and boxes; boxes are clipped to the photo."""
    boxes = np.array([row[1:5] for row in rows], np.float32).reshape(-1, 4)
    return np.array([row.label for row in rows], np.int64), np.clip(boxes, 0.0, 1.0)


def _load_coco(folder: Path) -> Dataset:
    document: dict[str, Any] = json.loads((folder / "annotations.json").read_text("utf-8"))
    categories = document["categories"]
    index = {category["id"]: i for i, category in enumerate(categories)}
    of_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in document.get("annotations", []):
        of_image[annotation["image_id"]].append(annotation)
    samples = []
    for image in document["images"]:
        width, height = image["width"], image["height"]
        rows = []
        for annotation in of_image[image["id"]]:
            x, y, w, h = annotation["bbox"]
            ignored = bool(annotation.get("iscrowd", 0)) or bool(annotation.get("difficult", 0))
            box = (x / width, y / height, (x + w) / width, (y + h) / height)
            label, score = index[annotation["category_id"]], annotation.get("score")
            rows.append(_Row(label, *box, ignored, score))
        split: Split = "val" if image.get("split") == "val" else "train"
        path = folder / "images" / image["file_name"]
        samples.append(_record(path, split, rows, len(categories)))
    return Dataset(tuple(category["name"] for category in categories), tuple(samples))


def _load_yolo(folder: Path) -> Dataset:
    """Reads ``data.yaml`` and, for each photo, a text file with lines ``class cx cy w h``."""
    import yaml

    settings: dict[str, Any] = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))
    names = settings["names"]
    labels = tuple(names[key] for key in sorted(names)) if isinstance(names, dict) else tuple(names)
    root = folder / settings["path"] if settings.get("path") else folder
    samples: list[Sample] = []
    splits: tuple[Split, ...] = ("train", "val")
    for split in splits:
        if not settings.get(split):
            continue
        paths = _yolo_images(root, settings[split])
        samples += [_record(path, split, _yolo_rows(path), len(labels)) for path in paths]
    return Dataset(labels, tuple(samples))


def _yolo_images(root: Path, entries: str | list[str]) -> list[Path]:
    found: list[Path] = []
    for entry in [entries] if isinstance(entries, str) else entries:
        place = root / entry
        if place.is_file():
            found += [
                root / line.strip()
                for line in place.read_text("utf-8").splitlines()
                if line.strip()
            ]
        elif place.is_dir():
            found += sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES)
        else:
            raise DatasetError(f"{place}: no such folder or list of images")
    return found


def _yolo_rows(image: Path) -> list[_Row]:
    """The label file's path has ``labels`` in place of the last ``images`` in the photo's path."""
    parts = list(image.with_suffix(".txt").parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        parts[last] = "labels"
    place = Path(*parts)
    rows = []
    for line in place.read_text("utf-8").splitlines() if place.is_file() else []:
        values = line.split()
        if len(values) < 5:
            continue
        cx, cy, w, h = map(float, values[1:5])
        rows.append(_Row(int(values[0]), cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
    return rows
