"""NanoDet: class probabilities and distributions of box sides for each level.

Their shapes are (1, cells, classes) and (1, cells, 4 * bins).

The distance from a cell's centre to a side of the box is the mean of a distribution over the bins
0, 1, 2 and so on, in cells. Levels have strides 8, 16 and 32.
"""

from collections import defaultdict

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import (
    BATCH,
    Declared,
    Family,
    Outputs,
    best_class,
    is_rows,
)
from app.vision.families.cell_grid import boxes_from_distances, cell_grid
from app.vision.families.distributions import means
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    """Scores of all levels, then distributions; the largest level comes first."""
    levels: dict[int, list[str]] = defaultdict(list)
    for name, shape in declared.items():
        if not is_rows(shape) or shape[1] is None:
            return None
        levels[shape[1]].append(name)
    scores, sides = [], []
    for cells in sorted(levels, reverse=True):
        pair = levels[cells]
        likely = [name for name in pair if _are_scores(name, declared, classes)]
        if len(pair) != 2 or not likely:
            return None
        first = next((name for name in likely if "cls" in name), likely[0])
        other = pair[1 - pair.index(first)]
        width = declared[other][2]
        if width is None or width % 4 or width < 8:
            return None
        scores.append(first)
        sides.append(other)
    return [*scores, *sides] if len(scores) > 1 else None


def _are_scores(name: str, declared: Declared, classes: int | None) -> bool:
    if classes is None:
        return "dis" not in name and "reg" not in name
    return declared[name][2] == classes


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    half = len(outputs) // 2
    scores, sides = (
        np.concatenate([output[0] for output in part]).astype(np.float32, copy=False)
        for part in (outputs[:half], outputs[half:])
    )
    kept, best, picked = best_class(scores, threshold)
    all_strides = tuple(8 << level for level in range(half))
    cells, strides = (part[kept] for part in cell_grid(*input_size, all_strides, partial=True))
    centre = cells + np.float32(0.5)
    boxes = boxes_from_distances(means(sides[kept].T).T, centre, strides)
    return Candidates(boxes, best, picked)


FAMILY = Family(
    name="nanodet_m",
    models="NanoDet",
    layout="for each level scores [1, cells, classes] and distributions [1, cells, 4 * bins]",
    input=InputSpec(
        size=(416, 416), channels="bgr", pad_value=0, mean=(103.53, 116.28, 123.675),
        std=(57.375, 57.12, 58.395),
    ),
    needs_nms=True,
    bind=bind,
    decode=decode,
    exported={
        "images": BATCH,
        **{f"scores.{stride}": BATCH for stride in (8, 16, 32)},
        **{f"distributions.{stride}": BATCH for stride in (8, 16, 32)},
    },
)  # fmt: skip
