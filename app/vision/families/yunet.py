"""YuNet, a detector of faces.

Its outputs are cls_S and obj_S, (1, cells, 1), and bbox_S, (1, cells, 4), for each stride S.
A score is the square root of both products. A box is the offset of its centre and the logarithms of
its size, in cells. The points of the face, kps_S, are not read.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import (
    BATCH,
    Declared,
    Family,
    Outputs,
    best_class,
    concatenate,
    corners,
    is_rows,
)
from app.vision.preprocess.input_spec import InputSpec

_STRIDES = (8, 16, 32)
_KINDS = ("cls", "obj", "bbox")
_NAMES = [f"{kind}_{stride}" for kind in _KINDS for stride in _STRIDES]


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if not declared.keys() >= set(_NAMES) or not all(is_rows(declared[name]) for name in _NAMES):
        return None
    widths = {declared[name][2] for name in _NAMES[: len(_STRIDES)]}
    return list(_NAMES) if classes is None or widths == {classes} else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    found = []
    levels = len(_STRIDES)
    for index, stride in enumerate(_STRIDES):
        likely, present, boxes = (
            outputs[index + levels * kind][0].astype(np.float32, copy=False)
            for kind in range(len(_KINDS))
        )
        scores = np.sqrt(np.clip(likely, 0, 1) * np.clip(present, 0, 1))
        cells, best, picked = best_class(scores, threshold)
        across = input_size[1] // stride
        grid = np.stack([cells % across, cells // across], axis=1)
        centre = (grid + boxes[cells, :2]) * stride
        size = np.exp(boxes[cells, 2:4]) * stride
        placed = corners(np.concatenate([centre, size], axis=1).astype(np.float32))
        found.append(Candidates(placed, best, picked))
    return concatenate(found)


FAMILY = Family(
    name="yunet",
    models="YuNet (faces)",
    layout="cls_S [1, cells, 1], obj_S [1, cells, 1], bbox_S [1, cells, 4] for strides 8, 16, 32",
    input=InputSpec(size=(320, 320), fit="stretch", channels="bgr", std=(1, 1, 1)),
    needs_nms=True,
    bind=bind,
    decode=decode,
    exported={"images": BATCH, **dict.fromkeys(_NAMES, BATCH)},
)
