"""Runs a source on every photo of a dataset and scores its predictions."""

import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from app.errors import SpotterError
from models.common.commands import CommandError, require
from models.common.datasets import Dataset, Photo
from models.common.labels import fold
from models.evaluate import coco
from models.evaluate.sources import Answer, Prediction, Source, Thresholds


@dataclass(frozen=True)
class Report:
    model: str
    shared: tuple[str, ...]
    """Labels of the dataset that the model has as well; others are ignored."""
    not_in_model: tuple[str, ...]
    not_in_dataset: tuple[str, ...]
    scores: coco.Scores
    found: dict[int, list[Prediction]]
    """Predictions by photo id, with the dataset's spelling of labels."""
    timings: dict[str, float]
    """Median milliseconds of each stage."""
    thresholds: Thresholds
    other_size: int
    """Number of photos whose width or height differs from the dataset's."""


def measure(source: Source, dataset: Dataset, concurrency: int = 1) -> Report:
    """Raises CommandError if no label is shared, or if a photo cannot be read."""
    theirs = _by_fold(source.labels)
    ours = _by_fold(dataset.labels)
    shared = [fold for fold in ours if fold in theirs]
    if not shared:
        raise CommandError(
            f"The model and the dataset share no label: {few(source.labels, 3)}"
            f" against {few(dataset.labels, 3)}."
        )
    answers = _ask(source, dataset.photos, frozenset(theirs[fold] for fold in shared), concurrency)
    found = {
        photo.id: [
            Prediction(ours[fold(item.label)], item.probability, item.box) for item in answer.found
        ]
        for photo, answer in zip(dataset.photos, answers, strict=True)
    }
    labels = [ours[fold] for fold in shared]
    return Report(
        source.name,
        tuple(labels),
        tuple(name for fold, name in ours.items() if fold not in theirs),
        tuple(name for fold, name in theirs.items() if fold not in ours),
        coco.score(dataset.photos, dataset.boxes, found, labels),
        found,
        _medians(answers),
        source.thresholds,
        sum(
            answer.size != (photo.width, photo.height)
            for photo, answer in zip(dataset.photos, answers, strict=True)
        ),
    )


def _ask(
    source: Source, photos: Sequence[Photo], labels: frozenset[str], concurrency: int
) -> list[Answer]:
    def ask(photo: Photo) -> Answer:
        try:
            return source.detect(photo.read(), labels)
        except (SpotterError, CommandError) as error:
            raise CommandError(f"{photo.path}: {error}") from error

    progress = require("tqdm").tqdm
    with ThreadPoolExecutor(concurrency) as pool:
        try:
            waiting = pool.map(ask, photos)
            shown = progress(
                waiting, source.name, len(photos), unit=" photos", disable=not sys.stderr.isatty()
            )
            return list(shown)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _medians(answers: Sequence[Answer]) -> dict[str, float]:
    stages = defaultdict(list)
    for answer in answers:
        for stage, milliseconds in answer.timings.items():
            stages[stage].append(milliseconds)
    return {stage: statistics.median(values) for stage, values in stages.items()}


def _by_fold(labels: Sequence[str]) -> dict[str, str]:
    return {fold(label): label for label in labels}


def few(labels: Sequence[str], most: int) -> str:
    """The first ``most`` labels, followed by "..." if there are more."""
    return ", ".join(labels[:most]) + (" ..." if len(labels) > most else "")
