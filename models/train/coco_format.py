"""Reads a dataset in COCO format: ``annotations.json`` and ``images/``."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.common import datasets
from models.common.commands import CommandError
from models.common.datasets import Photo
from models.common.splits import part_of
from models.train.samples import Dataset, DatasetError, Row, record

ANNOTATIONS = "annotations.json"


def read(folder: Path) -> Dataset:
    """An annotation with a ``score`` comes from a model and is a soft label, see ``soft_labels``.

    Raises DatasetError.
    """
    path = folder / ANNOTATIONS
    try:
        checked = datasets.load(folder)
    except CommandError as error:
        raise DatasetError(str(error)) from error
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    index = {category["id"]: i for i, category in enumerate(document["categories"])}
    of_photo: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in document.get("annotations", []):
        of_photo[annotation["image_id"]].append(annotation)
    samples, unused = [], Counter[str]()
    for photo in checked.photos:
        part = part_of(photo.split)
        if part is None:
            unused[str(photo.split)] += 1
            continue
        if photo.width < 1 or photo.height < 1:
            raise DatasetError(
                f"{path}: {photo.path.name} has the size {photo.width} x {photo.height};"
                " width and height have to be those of the photo"
            )
        rows = [_row(path, annotation, photo, index) for annotation in of_photo[photo.id]]
        size = photo.width, photo.height
        samples.append(record(photo.path, part, rows, len(index), size))
    return Dataset(checked.labels, tuple(samples), unused)


def _row(path: Path, annotation: Mapping[str, Any], photo: Photo, index: Mapping[Any, int]) -> Row:
    """Raises DatasetError for an annotation that ``datasets.load`` does not look at."""
    try:
        x, y, width, height = (float(value) for value in annotation["bbox"])
        label, score = index[annotation["category_id"]], annotation.get("score")
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{path}: an annotation of {photo.path.name} needs a bbox of four numbers and a"
            f" category_id that 'categories' has; it has the bbox {annotation.get('bbox')} and the"
            f" category_id {annotation.get('category_id')}"
        ) from error
    return Row(
        label,
        x / photo.width,
        y / photo.height,
        (x + width) / photo.width,
        (y + height) / photo.height,
        bool(annotation.get("iscrowd", 0)) or bool(annotation.get("difficult", 0)),
        score,
    )
