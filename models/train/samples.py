"""Labelled photos as training uses them, whatever format the dataset has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.common.boxes import Boxes
from models.common.labels import fold
from models.common.splits import Part
from models.train import soft_labels


class DatasetError(ValueError):
    """A dataset cannot be used; the message is one line, names the file and says what would do."""


@dataclass(frozen=True)
class Sample:
    """One photo and its objects; boxes are relative to its width and height (0..1)."""

    path: Path
    split: Part
    classes: NDArray[np.int64]
    boxes: NDArray[np.float32]
    """``[n, 4]``: left, top, right, bottom."""
    ignored: NDArray[np.bool_]
    """Neither object nor background: COCO's ``iscrowd``, VOC's ``difficult``, unsure boxes."""
    wanted: NDArray[np.float32]
    """``[n, labels]``: the target score of each label for a box that fits exactly, 0 to 1."""
    size: tuple[int, int] | None = None
    """Width and height as the dataset says; None if it does not."""

    def is_turned(self, height: int, width: int) -> bool:
        """Whether the upright photo lies where the dataset says that it stands, or vice versa."""
        if self.size is None:
            return False
        return (self.size[0] - self.size[1]) * (width - height) < 0

    @property
    def has_objects(self) -> bool:
        return not self.ignored.all()


@dataclass(frozen=True)
class Dataset:
    labels: tuple[str, ...]
    samples: tuple[Sample, ...]
    unused: Mapping[str, int] = field(default_factory=dict)
    """Number of photos by each other split, such as 'test'."""

    def part(self, split: Part) -> tuple[Sample, ...]:
        return tuple(sample for sample in self.samples if sample.split == split)

    def counts(self) -> str:
        """For example "photos: 9 to train on, 3 to validate on, 2 unused (test)"."""
        used = (
            f"photos: {len(self.part('train'))} to train on, {len(self.part('val'))} to validate on"
        )
        if not self.unused:
            return used
        return f"{used}, {sum(self.unused.values())} unused ({', '.join(sorted(self.unused))})"

    def with_split(self, split: Part, chosen: Sequence[int]) -> Dataset:
        """The same photos, of which those at the positions ``chosen`` have this split."""
        samples = list(self.samples)
        for i in chosen:
            samples[i] = replace(samples[i], split=split)
        return replace(self, samples=tuple(samples))

    def in_order_of(self, labels: Sequence[str]) -> Dataset:
        """The same photos with ``labels``, which differ at most in order, case and outer spaces.

        Raises DatasetError that names the labels which differ.
        """
        place = {fold(label): i for i, label in enumerate(labels)}
        own = {fold(label): i for i, label in enumerate(self.labels)}
        extra = [label for label in self.labels if fold(label) not in place]
        missing = [label for label in labels if fold(label) not in own]
        if extra or missing:
            both = (("only in the dataset", extra), ("only in the model", missing))
            raise DatasetError(
                "the dataset and the model have different labels; "
                + "; ".join(f"{where}: {', '.join(names)}" for where, names in both if names)
            )
        new = np.array([place[fold(label)] for label in self.labels], np.int64)
        order = [own[fold(label)] for label in labels]
        samples = tuple(
            replace(sample, classes=new[sample.classes], wanted=sample.wanted[:, order])
            for sample in self.samples
        )
        return replace(self, labels=tuple(labels), samples=samples)


class Row(NamedTuple):
    """One box of an annotation file, relative to the photo."""

    label: int
    left: float
    top: float
    right: float
    bottom: float
    ignored: bool = False
    score: float | None = None
    """Score of the model that predicted the box; None for a box that a person drew."""


def record(
    path: Path,
    split: Part,
    rows: Sequence[Row],
    labels: int,
    size: tuple[int, int] | None = None,
) -> Sample:
    people = [row for row in rows if row.score is None]
    models = [row for row in rows if row.score is not None]
    known = soft_labels.hard(
        *_columns(people), np.array([row.ignored for row in people], bool), labels
    )
    found = Boxes(*_columns(models), np.array([row.score for row in models], np.float32))
    objects = soft_labels.merge(known, found)
    kept = (objects.boxes[:, 2:] > objects.boxes[:, :2]).all(1)
    classes, boxes, ignored, wanted = objects
    return Sample(path, split, classes[kept], boxes[kept], ignored[kept], wanted[kept], size)


def _columns(rows: Sequence[Row]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Labels and boxes; boxes are clipped to the photo."""
    boxes = np.array([row[1:5] for row in rows], np.float32).reshape(-1, 4)
    return np.array([row.label for row in rows], np.int64), np.clip(boxes, 0.0, 1.0)
