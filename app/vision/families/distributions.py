"""Decodes box sides given as distributions, from graphs that end before the boxes.

The outputs are one per level for the boxes, (1, 4 * bins, height, width), then one per level for
the class logits, (1, classes, height, width); or one per level with both. The boxes' outputs may
also be the feature maps that their logits are computed from (``graph_surgery/split.py``). The
distance to a side is the mean of a distribution over the bins 0, 1, 2 and so on, in cells
(Distribution Focal Loss, arXiv:2006.04388).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from app.vision.arrays import Array, Floats, Ints, Shape
from app.vision.detections import Candidates
from app.vision.families import levels
from app.vision.families.base import Decode, Outputs, allows
from app.vision.graph_surgery.sparse_convolution import BoxBranch
from app.vision.tasks.masks import Masks
from app.vision.tasks.prototypes import LatePrototypes


class DistributionDecoder:
    def __init__(self, branches: Sequence[BoxBranch] = ()) -> None:
        """``branches``, one per level, compute the box logits from the feature maps.

        Without them the outputs are the logits.
        """
        self.branches = branches

    def fits(self, outputs: Sequence[Shape], classes: int) -> bool:
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
        self, outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
    ) -> Candidates:
        return levels.decode(self._levels(outputs, classes), means, threshold, input_size)

    def decode_with_masks(
        self, branches: Sequence[BoxBranch], run_head: Callable[[Array], Array]
    ) -> Decode:
        """Makes a decoder that also fills ``Candidates.masks``.

        ``branches`` compute the coefficients from the feature maps, and ``run_head`` the prototypes
        from the first map.
        """

        def decode(
            outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
        ) -> Candidates:
            found, cells = levels.located(
                self._levels(outputs, classes), means, threshold, input_size
            )
            features = [output[0] for output in outputs[: len(branches)]]

            def coefficients(rows: Ints) -> Floats:
                return _coefficients(branches, features, cells, rows)

            masks = Masks(
                coefficients,
                np.arange(len(found.scores)),
                LatePrototypes(run_head, outputs[0], input_size),
                found.boxes,
                input_size,
            )
            return found._replace(masks=masks)

        return decode

    def _levels(self, outputs: Outputs, classes: int) -> Iterator[tuple[levels.Reach, Floats]]:
        half = len(outputs) // 2
        maps = [output[0] for output in outputs]
        apart = len(maps) > 1 and maps[0].shape[1:] == maps[half].shape[1:]
        if self.branches or apart:
            reach: Sequence[Callable[[Array, Ints], Floats]]
            reach = [branch.at for branch in self.branches] or [levels.at_cells] * half
            for at, boxes, scores in zip(reach, maps[:half], maps[half:], strict=True):
                yield partial(at, boxes), levels.as_floats(scores)
        else:
            for level in maps:
                boxes, scores = level[:-classes], level[-classes:]
                yield partial(levels.at_cells, boxes), levels.as_floats(scores)


def _coefficients(
    branches: Sequence[BoxBranch], features: Sequence[Array], cells: Sequence[Ints], rows: Ints
) -> Floats:
    """(n, prototypes): coefficients of ``rows``, counted over the ``cells`` of all levels."""
    found: Floats = np.empty((len(rows), branches[0].layers[-1].channels_out), dtype=np.float32)
    start = 0
    for branch, feature, level in zip(branches, features, cells, strict=True):
        own = np.flatnonzero((rows >= start) & (rows < start + len(level)))
        if len(own):
            found[own] = branch.at(feature, level[rows[own] - start]).T
        start += len(level)
    return found


def means(logits: Floats) -> Floats:
    """Means (4, n) in bins, from logits (4 * bins, n).

    The bins are moved to the last axis, so that the order of summation does not depend on the
    number of boxes: each box is bit-identical whichever others are decoded.
    """
    by_side = np.ascontiguousarray(logits.T).reshape(-1, 4, len(logits) // 4)
    weights = np.exp(by_side - by_side.max(axis=2, keepdims=True))
    values = np.arange(by_side.shape[2], dtype=np.float32)
    means: Floats = (weights * values).sum(axis=2) / weights.sum(axis=2)
    return means.T
