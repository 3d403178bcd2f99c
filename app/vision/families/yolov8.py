"""Ultralytics v8, v9, 11 and 12: (1, 4 + classes [+ masks], anchors).

The rows are centre x, centre y, width and height in input pixels, then class probabilities. There
is no objectness. Mask coefficients follow if a second output has prototypes.
"""

from functools import partial
from mmap import mmap

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import (
    SIDES,
    Declared,
    Family,
    Outputs,
    ShortGraph,
    ShortMasks,
    corners,
    is_rows,
    leaves,
)
from app.vision.families.distributions import DistributionDecoder
from app.vision.families.mask_columns import mask_output, prototypes, with_masks
from app.vision.families.meanings import in_either_unit, scaled
from app.vision.graph_surgery import split
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    (name, first), *others = declared.items()
    if not is_rows(first):
        return None
    masks = prototypes(declared)
    if others and masks is None:
        return None
    return [name] if leaves(first[1], 4 + (masks[1] if masks else 0), classes) else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    scores = rows[4 : 4 + classes]
    anchors = np.flatnonzero(scores.max(axis=0) > threshold)
    picked = scores[:, anchors]
    best = picked.argmax(axis=0)
    found = Candidates(corners(rows[:4, anchors].T), picked[best, np.arange(len(anchors))], best)
    return with_masks(found, outputs, rows[4 + classes :, anchors].T, input_size)


def shorten(file: mmap | bytes, /, *, late_boxes: bool) -> ShortGraph | None:
    found = split.cut(file, late_boxes=late_boxes)
    if found is None:
        return None
    decoder = DistributionDecoder(found.branches)
    masks = None
    if found.masks is not None:
        masks = ShortMasks(
            found.masks.head, partial(decoder.decode_with_masks, found.masks.branches)
        )
    return ShortGraph(
        FAMILY.name, found.model, found.outputs, found.declared, decoder.fits, decoder.decode, masks
    )


FAMILY = Family(
    name="yolov8",
    models="YOLOv8, v9, 11 and 12, and their segmenters",
    layout="[1, 4 + classes, anchors], for segmenters also coefficients and prototypes",
    input=InputSpec(size=(640, 640)),
    usual_inputs=(InputSpec(size=(640, 640), fit="stretch"),),
    needs_nms=True,
    masks=mask_output,
    bind=bind,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 2: "anchors"}},
    ways=in_either_unit,
    with_spec=scaled(decode),
    tasks=frozenset({"detect", "segment"}),
    shorten=shorten,
)
