"""Ultralytics v8, v9, 11 and 12: (1, 4 + classes [+ masks], anchors).

The rows are centre x, centre y, width and height in input pixels, then class probabilities. There
is no objectness. Mask coefficients, and the prototypes in a second output, are not read.
"""

from mmap import mmap

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import (
    SIDES,
    Declared,
    Family,
    Outputs,
    ShortGraph,
    corners,
    is_rows,
    leaves,
)
from app.vision.families.distributions import DistributionDecoder
from app.vision.families.meanings import in_either_unit, scaled
from app.vision.graph_surgery import split
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    (name, first), *others = declared.items()
    if not is_rows(first):
        return None
    masks = 0
    if others:
        prototypes = others[0][1]
        if len(prototypes) != 4:
            return None
        masks = prototypes[1] or 0
    return [name] if leaves(first[1], 4 + masks, classes) else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    scores = rows[4 : 4 + classes]
    anchors = np.flatnonzero(scores.max(axis=0) > threshold)
    picked = scores[:, anchors]
    best = picked.argmax(axis=0)
    return Candidates(corners(rows[:4, anchors].T), picked[best, np.arange(len(anchors))], best)


def shorten(file: mmap | bytes, /, *, late_boxes: bool) -> ShortGraph | None:
    found = split.cut(file, late_boxes=late_boxes)
    if found is None:
        return None
    decoder = DistributionDecoder(found.branches)
    return ShortGraph(
        FAMILY.name, found.model, found.outputs, found.declared, decoder.fits, decoder.decode
    )


FAMILY = Family(
    name="yolov8",
    models="YOLOv8, v9, 11 and 12, and their segmenters (boxes only)",
    layout="[1, 4 + classes, anchors]",
    input=InputSpec(size=(640, 640)),
    usual_inputs=(InputSpec(size=(640, 640), fit="stretch"),),
    needs_nms=True,
    bind=bind,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 2: "anchors"}},
    ways=in_either_unit,
    with_spec=scaled(decode),
    tasks=frozenset({"detect", "segment"}),
    shorten=shorten,
)
