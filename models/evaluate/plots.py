"""Draws precision-recall curves and the confusion matrix."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.vision.arrays import Array, Ints
from models.common.commands import replacing, require
from models.common.datasets import Box, Photo
from models.evaluate.coco import CONFIDENCE, IOU, Scores
from models.evaluate.sources import Prediction

_LEGEND_LABELS = 20
_WRITTEN_LABELS = 40


def confusion(
    photos: Sequence[Photo],
    boxes: Sequence[Box],
    found: Mapping[int, Sequence[Prediction]],
    labels: Sequence[str],
) -> Ints:
    """Confusion matrix, shape (labels + 1, labels + 1); the last row and column are "nothing".

    Rows are objects, columns are predictions. A prediction above CONFIDENCE is matched with the
    unmatched object that has the highest IoU above IOU, regardless of its label. Of the other
    predictions, those on ignored objects are not counted.
    """
    index = {label: number for number, label in enumerate(labels)}
    nothing = len(labels)
    table = np.zeros((nothing + 1, nothing + 1), dtype=np.intp)
    for photo in photos:
        truth = [box for box in boxes if box.photo == photo.id and box.label in index]
        predicted = [item for item in found.get(photo.id, ()) if item.probability > CONFIDENCE]
        counted = [box for box in truth if not box.ignored]
        ignored = [box for box in truth if box.ignored]
        overlaps = _overlaps(counted, predicted)
        open_truth, open_predicted = set(range(len(counted))), set(range(len(predicted)))
        for flat in np.argsort(-overlaps, axis=None, kind="stable"):
            row, column = np.unravel_index(flat, overlaps.shape)
            if overlaps[row, column] <= IOU:
                break
            if row in open_truth and column in open_predicted:
                open_truth.discard(int(row))
                open_predicted.discard(int(column))
                table[index[counted[row].label], index[predicted[column].label]] += 1
        for row in open_truth:
            table[index[counted[row].label], nothing] += 1
        on_ignored = _overlaps(ignored, predicted) > IOU
        for column in open_predicted:
            if not on_ignored[:, column].any():
                table[nothing, index[predicted[column].label]] += 1
    return table


def draw_precision_recall(scores: Scores, model: str, path: Path) -> None:
    axes, figure = _figure(9, 6)
    several = len(scores.classes) > _LEGEND_LABELS
    shown = [column.min() >= 0 for column in scores.precision.T]
    for score, column, present in zip(scores.classes, scores.precision.T, shown, strict=True):
        if present:
            look = (
                {"color": "tab:blue", "alpha": 0.2}
                if several
                else {"alpha": 0.7, "label": f"{score.label} {score.ap50:.3f}"}
            )
            axes.plot(scores.recalls, column, linewidth=0.8, **look)
    if any(shown):
        mean = scores.precision[:, shown].mean(axis=1)
        axes.plot(
            scores.recalls, mean, color="black", linewidth=2.5, label=f"all {scores.map50:.3f}"
        )
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, frameon=False)
    axes.set(
        xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02),
        title=f"{model}: precision over recall at IoU 0.5",
    )  # fmt: skip
    _save(figure, path)


def draw_confusion(table: Ints, labels: Sequence[str], model: str, path: Path) -> None:
    """Draws the matrix; each cell is its share of the row."""
    names = [*labels, "nothing"]
    side = max(5.0, 0.22 * len(names) + 2)
    axes, figure = _figure(side + 1, side)
    totals = table.sum(axis=1, keepdims=True)
    shares: Array = np.divide(table, totals, out=np.zeros(table.shape), where=totals > 0)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, fraction=0.04, label="share of the row")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    if len(names) <= _WRITTEN_LABELS:
        for row, column in np.argwhere(table):
            axes.text(
                column, row, table[row, column], ha="center", va="center", fontsize=5,
                color="white" if shares[row, column] > 0.5 else "black",
            )  # fmt: skip
    axes.set(
        xlabel="prediction", ylabel="object",
        title=f"{model}: above {CONFIDENCE}, IoU above {IOU}",
    )  # fmt: skip
    _save(figure, path)


def _overlaps(truth: Sequence[Box], predicted: Sequence[Prediction]) -> Array:
    """IoU of each object and prediction; for a crowd, the share of the prediction inside it."""
    a = np.array([box.bounds for box in truth], dtype=float).reshape(-1, 1, 4)
    b = np.array([item.box for item in predicted], dtype=float).reshape(1, -1, 4)
    crowd = np.array([box.crowd for box in truth], dtype=bool).reshape(-1, 1)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    own = b[..., 2:].prod(axis=-1)
    whole = np.where(crowd, own, a[..., 2:].prod(axis=-1) + own - shared)
    overlaps: Array = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
    return overlaps


def _figure(width: float, height: float) -> tuple[Any, Any]:
    figure = require("matplotlib.figure").Figure((width, height), layout="constrained")
    return figure.add_subplot(), figure


def _save(figure: Any, path: Path) -> None:
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=150)
