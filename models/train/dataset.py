"""Reads a dataset in COCO or YOLO format."""

from __future__ import annotations

from pathlib import Path

from models.train import coco_format, yolo_format
from models.train.samples import Dataset, DatasetError

VAL_SHARE = 0.1


def load(folder: Path) -> Dataset:
    """Reads COCO format (``annotations.json`` and ``images/``) or YOLO format (``data.yaml``).

    If a dataset has no validation photos, every tenth photo is used for validation. Raises
    DatasetError.
    """
    if (folder / coco_format.ANNOTATIONS).is_file():
        dataset = coco_format.read(folder)
    elif (folder / yolo_format.SETTINGS).is_file():
        dataset = yolo_format.read(folder)
    else:
        raise DatasetError(f"{folder}: found neither annotations.json (COCO) nor data.yaml (YOLO)")
    if not dataset.samples:
        raise DatasetError(f"{folder}: no photo is for training or validation ({dataset.counts()})")
    return _with_validation(dataset)


def check_training(dataset: Dataset, folder: Path) -> None:
    """Raises DatasetError if there is nothing to learn."""
    photos = dataset.part("train")
    if not photos:
        raise DatasetError(
            f"{folder}: no photo is for training, since all have another split;"
            " photos with the split 'train', or with none, would be"
        )
    if not any(photo.has_objects for photo in photos):
        raise DatasetError(f"{folder}: none of the {len(photos)} photos to train on has a box")


def _with_validation(dataset: Dataset) -> Dataset:
    count = len(dataset.samples)
    if dataset.part("val") or count < 2:
        return dataset
    every = round(1 / VAL_SHARE)
    return dataset.with_split("val", range(min(every, count) - 1, count, every))
