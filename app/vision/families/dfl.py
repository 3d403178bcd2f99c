"""Logits of the family yolov8, before any box is decoded: see ``app.vision.graph_surgery.split``.

One output a level for the boxes, (1, 4 * bins, height, width), then one a level for the classes,
(1, classes, height, width); or one a level with both. In place of the boxes' there may be the
feature maps that they are made from. A box is the distances from the anchor, the
centre of its cell, to the left, upper, right and lower side, in cells: the mean of a distribution
over the bins 0, 1, 2 and so on (Distribution Focal Loss).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from app.vision.arrays import Array, Floats, Ints
from app.vision.families.base import Candidates, Outputs, Shape, allows
from app.vision.graph_surgery.sparse_convolution import Branch

_MARGIN = 1e-3
"""By which logits are taken too early, before the exact comparison of their probabilities."""

Boxes = Callable[[Ints], Floats]
"""The logits (4 * bins, n) of so many anchors of a level."""


class Logits:
    """A head."""

    needs_nms = True
    layout = "(1, 4 * bins, height, width) and (1, classes, height, width) a level"

    def __init__(self, branches: Sequence[Branch] = ()) -> None:
        """``branches`` make the boxes' logits of a feature map each, one a level."""
        self.branches = branches

    def fits(self, outputs: Sequence[Shape], classes: int) -> bool:
        """``outputs`` as the session gives them."""
        if any(len(output) != 4 for output in outputs):
            return False
        half = len(outputs) // 2
        channels = [output[1] for output in outputs]
        apart = half * 2 == len(outputs) and all(allows(size, classes) for size in channels[half:])
        boxes = channels[:half] if apart else [None if n is None else n - classes for n in channels]
        if self.branches:
            into = [branch.layers[0].channels_in for branch in self.branches]
            if not apart or not all(map(allows, boxes, into)):
                return False
            boxes = [branch.layers[-1].channels_out for branch in self.branches]
        return all(size is None or (size > 0 and size % 4 == 0) for size in boxes)

    def decode(
        self, outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int]
    ) -> Candidates:
        least = _logit(threshold) - _MARGIN
        levels = [_pick(*level, least, input_size) for level in self._levels(outputs, classes)]
        boxes, scores, centres, strides = (
            np.concatenate(parts, axis=-1) for parts in zip(*levels, strict=True)
        )
        best = scores.argmax(axis=0)
        with np.errstate(over="ignore"):  # 1 / infinity is the 0 that is meant
            probabilities = 1 / (1 + np.exp(-scores[best, np.arange(len(best))]))
        bins = len(boxes) // 4
        sides = _mean(np.ascontiguousarray(boxes.T).reshape(-1, 4, bins)).T
        corners = np.concatenate([centres - sides[:2], centres + sides[2:]])
        corners *= np.tile(strides, (2, 1))
        likely = probabilities > threshold
        return Candidates(corners.T[likely], probabilities[likely], best[likely])

    def _levels(self, outputs: Outputs, classes: int) -> Iterator[tuple[Boxes, Floats]]:
        """Of each level the boxes' logits and those of the classes, (classes, height, width)."""
        half = len(outputs) // 2
        levels = [output[0] for output in outputs]
        apart = len(levels) > 1 and levels[0].shape[1:] == levels[half].shape[1:]
        if self.branches or apart:
            reach: Sequence[Callable[[Array, Ints], Floats]]
            reach = [branch.at for branch in self.branches] or [_at] * half
            for at, boxes, scores in zip(reach, levels[:half], levels[half:], strict=True):
                yield partial(at, boxes), _as_floats(scores)
        else:
            for level in levels:
                yield partial(_at, level[:-classes]), _as_floats(level[-classes:])


def _at(boxes: Array, anchors: Ints) -> Floats:
    return _as_floats(boxes.reshape(len(boxes), -1)[:, anchors])


def _as_floats(values: Array) -> Floats:
    return values.astype(np.float32, copy=False)


def _pick(
    boxes: Boxes, scores: Floats, least: float, input_size: tuple[int, int]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Of the anchors with a class above ``least``: both logits, centre in cells, and stride."""
    height, width = scores.shape[1:]
    anchors = np.flatnonzero(scores.max(axis=0) > least)
    centres = np.stack([anchors % width, anchors // width]).astype(np.float32) + np.float32(0.5)
    stride = np.array([[input_size[1] / width], [input_size[0] / height]], dtype=np.float32)
    return (
        boxes(anchors),
        scores.reshape(len(scores), -1)[:, anchors],
        centres,
        np.repeat(stride, len(anchors), axis=1),
    )


def _mean(logits: Floats) -> Floats:
    """Of (n, sides, bins) the means (n, sides), in bins.

    The bins lie last, so that they are added up in the same order however many boxes there are:
    a box is the same to the last bit whichever others are asked for.
    """
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    values = np.arange(logits.shape[2], dtype=np.float32)
    mean: Floats = (weights * values).sum(axis=2) / weights.sum(axis=2)
    return mean


def _logit(probability: float) -> float:
    if probability <= 0 or probability >= 1:
        return -np.inf if probability <= 0 else np.inf
    return float(np.log(probability / (1 - probability)))
