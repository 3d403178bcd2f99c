"""Decodes feature maps, one per level, whose cells each predict one box.

Every map has the class logits of its cells. A box is given as the distances from the centre of its
cell to the left, upper, right and lower side, in cells. Boxes are decoded only for cells above the
threshold.
"""

from collections.abc import Callable, Iterable

import numpy as np

from app.vision.arrays import Array, Floats, Ints
from app.vision.detections import Candidates

_MARGIN = 1e-3
"""Logits this far below the threshold still pass; their probabilities are compared afterwards."""

Reach = Callable[[Ints], Floats]
"""Returns, for these cells, the values (k, n) that distances are computed from; row-major cells."""


def decode(
    levels: Iterable[tuple[Reach, Floats]],
    to_distances: Callable[[Floats], Floats],
    threshold: float,
    input_size: tuple[int, int],
) -> Candidates:
    """``levels`` has each level's ``Reach`` and class logits (classes, height, width).

    ``to_distances`` converts the values of all levels to distances (4, n) in cells.
    """
    return located(levels, to_distances, threshold, input_size)[0]


def located(
    levels: Iterable[tuple[Reach, Floats]],
    to_distances: Callable[[Floats], Floats],
    threshold: float,
    input_size: tuple[int, int],
) -> tuple[Candidates, list[Ints]]:
    """Like ``decode``; also returns the cells of the candidates by level, in the same order."""
    least = _logit(threshold) - _MARGIN
    picked = [_pick(reach, scores, least, input_size) for reach, scores in levels]
    *parts, cells = zip(*picked, strict=True)
    reached, scores, centres, strides = (np.concatenate(part, axis=-1) for part in parts)
    best = scores.argmax(axis=0)
    with np.errstate(over="ignore"):  # 1 / infinity is 0, as intended
        probabilities = 1 / (1 + np.exp(-scores[best, np.arange(len(best))]))
    distances = to_distances(reached)
    corners = np.concatenate([centres - distances[:2], centres + distances[2:]])
    corners *= np.tile(strides, (2, 1))
    likely = probabilities > threshold
    found = Candidates(corners.T[likely], probabilities[likely], best[likely])
    ends = np.cumsum([len(level) for level in cells])[:-1]
    return found, [level[kept] for level, kept in zip(cells, np.split(likely, ends), strict=True)]


def at_cells(level: Array, cells: Ints) -> Floats:
    """(channels, n): the values of ``level`` (channels, height, width) at ``cells``."""
    return as_floats(level.reshape(len(level), -1)[:, cells])


def as_floats(values: Array) -> Floats:
    return values.astype(np.float32, copy=False)


def _pick(
    reach: Reach, scores: Floats, least: float, input_size: tuple[int, int]
) -> tuple[Floats, Floats, Floats, Floats, Ints]:
    """Selects the cells with a class above ``least``.

    Returns their reach, logits, centres in cells, strides and indices.
    """
    height, width = scores.shape[1:]
    cells = np.flatnonzero(scores.max(axis=0) > least)
    centres = np.stack([cells % width, cells // width]).astype(np.float32) + np.float32(0.5)
    stride = np.array([[input_size[1] / width], [input_size[0] / height]], dtype=np.float32)
    return (
        reach(cells),
        scores.reshape(len(scores), -1)[:, cells],
        centres,
        np.repeat(stride, len(cells), axis=1),
        cells,
    )


def _logit(probability: float) -> float:
    if probability <= 0 or probability >= 1:
        return -np.inf if probability <= 0 else np.inf
    return float(np.log(probability / (1 - probability)))
