"""NanoDet-Plus: (1, cells, classes + 32), class probabilities, then a distribution for each side.

The distance from the upper left corner of a cell to a side of the box is the mean of a distribution
over 8 bins, in cells. Levels have strides 8, 16, 32 and 64.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import BATCH, Declared, Family, Outputs, best_class, is_rows, leaves
from app.vision.families.cell_grid import boxes_from_distances, cell_grid
from app.vision.families.distributions import means
from app.vision.preprocess.input_spec import InputSpec

_STRIDES = (8, 16, 32, 64)
_SIDES = 4 * 8


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 1:
        return None
    ((name, shape),) = declared.items()
    return [name] if is_rows(shape) and leaves(shape[2], _SIDES, classes) else None


def fits_input(declared: Declared, height: int | None, width: int | None, /) -> bool:
    cells = next(iter(declared.values()))[1]
    if cells is None or height is None or width is None:
        return True
    return cells == sum(-(-height // stride) * -(-width // stride) for stride in _STRIDES)


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    cells, scores, best = best_class(rows[:, :classes], threshold)
    corner, strides = (part[cells] for part in cell_grid(*input_size, _STRIDES, partial=True))
    distances = means(rows[cells, -_SIDES:].T).T
    return Candidates(boxes_from_distances(distances, corner, strides), scores, best)


FAMILY = Family(
    name="nanodet_plus",
    models="NanoDet-Plus",
    layout="[1, cells, classes + 32]",
    input=InputSpec(
        size=(416, 416), channels="bgr", pad_value=0, mean=(103.53, 116.28, 123.675),
        std=(57.375, 57.12, 58.395),
    ),
    usual_inputs=(InputSpec(size=(416, 416), fit="stretch", channels="bgr",
                            mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395)),),
    needs_nms=True,
    bind=bind,
    decode=decode,
    exported={"images": BATCH, "output": BATCH},
    fits_input=fits_input,
)  # fmt: skip
