"""FastestDet: one map (1, 5 + classes, height, width) with a box for each cell.

Channels are objectness, then x, y, width and height, then class probabilities (softmax already).
A score is objectness ** 0.6 * probability ** 0.4.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import BATCH, Declared, Family, Outputs, allows, best_class, leaves
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 1:
        return None
    ((name, shape),) = declared.items()
    is_map = len(shape) == 4 and allows(shape[0], 1)
    return [name] if is_map and leaves(shape[1], 5, classes) else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    level = outputs[0][0].astype(np.float32, copy=False)
    height, width = level.shape[1:]
    flat = level.reshape(len(level), -1)
    with np.errstate(invalid="ignore"):  # of files of other families
        scores = flat[0] ** 0.6 * flat[5 : 5 + classes] ** 0.4
    cells, best, picked = best_class(scores.T, threshold)
    sides = np.array([[input_size[1]], [input_size[0]]], dtype=np.float32)
    regressed = flat[1:5, cells]
    grid = np.stack([cells % width, cells // width])
    centre = (np.tanh(regressed[:2]) + grid) / [[width], [height]] * sides
    with np.errstate(over="ignore"):  # 1 / infinity is 0, as intended
        half = sides / (1 + np.exp(-regressed[2:])) / 2
    boxes = np.concatenate([centre - half, centre + half]).T
    return Candidates(boxes.astype(np.float32), best, picked)


FAMILY = Family(
    name="fastestdet",
    models="FastestDet",
    layout="[1, 5 + classes, height, width]",
    input=InputSpec(size=(352, 352), fit="stretch", channels="bgr"),
    needs_nms=True,
    bind=bind,
    decode=decode,
    exported={"images": BATCH, "output": BATCH},
)
