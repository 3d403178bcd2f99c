"""YuNet, a face detector.

Its outputs are cls_S and obj_S, (1, cells, 1), and bbox_S, (1, cells, 4), for each stride S. A
score is the square root of the product of cls and obj. A box is the offset of its centre and the
logarithms of its size, in cells. The facial landmarks, kps_S, are not used.
"""

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
from app.vision.families.cell_grid import boxes_from_offsets, cell_grid
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
    levels = len(_STRIDES)
    likely, present, offsets = (
        np.concatenate([output[0] for output in outputs[first : first + levels]]).astype(np.float32)
        for first in range(0, len(_NAMES), levels)
    )
    scores = np.sqrt(np.clip(likely, 0, 1) * np.clip(present, 0, 1))
    kept, best, picked = best_class(scores, threshold)
    cells, strides = (part[kept] for part in cell_grid(*input_size, _STRIDES))
    return Candidates(boxes_from_offsets(offsets[kept], cells, strides), best, picked)


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
