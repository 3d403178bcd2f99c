"""Models that label a photo and its mirror image."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from app.vision.detections import Detections
from app.vision.detector import Detector
from models.common import checks
from models.common.boxes import Boxes
from models.common.commands import CommandError
from models.common.labels import fold
from models.label.fusion import fuse

MOST = 300
"""Maximum number of boxes per view."""


class Labelled(NamedTuple):
    """A photo's boxes; ``boxes.boxes`` are left, top, right, bottom in its pixels."""

    width: int
    height: int
    boxes: Boxes


@dataclass(frozen=True)
class Teacher:
    detector: Detector
    index: dict[str, int]
    """Maps the model's spelling of a label to its position among the labels to use."""

    @property
    def sha256(self) -> str:
        return self.detector.model.sha256


def labels_of(detectors: Sequence[Detector]) -> tuple[str, ...]:
    """All labels that any detector knows, in order of the detectors; case is ignored."""
    found: dict[str, str] = {}
    for detector in detectors:
        for label in detector.labels:
            found.setdefault(fold(label), label)
    return tuple(found.values())


def load(files: Sequence[Path], threads: int) -> list[Detector]:
    """Raises StartError for a file that the service would refuse."""
    return [checks.detector(file, threads) for file in files]


class Teachers:
    """Several models with one set of labels; each label is judged by the models that know it."""

    def __init__(
        self, detectors: Sequence[Detector], labels: Sequence[str], *, flip: bool, confidence: float
    ) -> None:
        place = {fold(label): index for index, label in enumerate(labels)}
        self._flip, self._confidence = flip, confidence
        self.all = [
            Teacher(
                detector,
                {name: place[fold(name)] for name in detector.labels if fold(name) in place},
            )
            for detector in detectors
        ]
        idle = [teacher.detector.name for teacher in self.all if not teacher.index]
        if idle:
            raise CommandError(f"The model '{idle[0]}' knows none of the labels.")
        known = {index for teacher in self.all for index in teacher.index.values()}
        self.unknown = tuple(label for i, label in enumerate(labels) if i not in known)
        """Labels that no teacher knows."""

    def look(self, photo: bytes) -> Labelled:
        """Boxes above the confidence, surest first. Raises SpotterError if it is not an image."""
        views = [list(self._views(teacher, photo)) for teacher in self.all]
        first = views[0][0]
        found = [
            [_boxes(view, teacher, first.width, first.height) for view in seen]
            for teacher, seen in zip(self.all, views, strict=True)
        ]
        fused = [self._fuse(found, known) for known in self._groups()]
        joined = Boxes(
            np.concatenate([part.classes for part in fused]),
            np.concatenate([part.boxes for part in fused]),
            np.concatenate([part.scores for part in fused]),
        )
        order = np.argsort(-joined.scores, kind="stable")
        order = order[joined.scores[order] > self._confidence]
        return Labelled(first.width, first.height, joined.take(order))

    def unlabelled(self, photo: bytes) -> Labelled:
        """The photo without boxes. Raises SpotterError if it is not an image."""
        with self.all[0].detector.picture(photo, longest_side=1) as picture:
            none = Boxes(
                np.empty(0, np.intp), np.empty((0, 4), np.float32), np.empty(0, np.float32)
            )
            return Labelled(*picture.size, none)

    def _views(self, teacher: Teacher, photo: bytes) -> Iterator[Detections]:
        """The boxes of the mirrored view are mirrored back; its size may differ."""
        detector = teacher.detector
        classes = detector.class_ids(teacher.index)
        options = detector.options(self._confidence, None, MOST, classes)
        yield detector.detect(photo, options)
        if self._flip:
            longest = 2 * max(detector.model.description.input.size)
            with detector.picture(photo, longest) as picture:
                mirrored = _bmp(ImageOps.mirror(picture.rgb))
            seen = detector.detect(mirrored, options)
            items = [
                item._replace(box=(seen.width - x - w, y, w, h))
                for item in seen.items
                for x, y, w, h in [item.box]
            ]
            yield Detections(seen.width, seen.height, items)

    def _groups(self) -> dict[tuple[int, ...], frozenset[int]]:
        """Labels grouped by the teachers that know them, given by position."""
        groups: dict[tuple[int, ...], set[int]] = {}
        for label in {index for teacher in self.all for index in teacher.index.values()}:
            knowing = tuple(
                i for i, teacher in enumerate(self.all) if label in teacher.index.values()
            )
            groups.setdefault(knowing, set()).add(label)
        return {knowing: frozenset(labels) for knowing, labels in groups.items()}

    def _fuse(self, found: list[list[Boxes]], knowing: tuple[int, ...]) -> Boxes:
        labels = list(self._groups()[knowing])
        views = [view for i in knowing for view in found[i]]
        return fuse([view.take(np.isin(view.classes, labels)) for view in views])


def _boxes(view: Detections, teacher: Teacher, width: int, height: int) -> Boxes:
    """Boxes in pixels of a photo of ``width`` and ``height``."""
    scale = np.array([width / view.width, height / view.height] * 2, np.float32)
    boxes = np.array([item.box for item in view.items], np.float32).reshape(-1, 4) * scale
    boxes[:, 2:] += boxes[:, :2]
    return Boxes(
        np.array([teacher.index[item.label] for item in view.items], np.intp),
        boxes,
        np.array([item.probability for item in view.items], np.float32),
    )


def _bmp(image: Image.Image) -> bytes:
    """Uncompressed pixels, which are fast to write and which the service reads."""
    buffer = io.BytesIO()
    image.save(buffer, "BMP")
    return buffer.getvalue()
