"""DETR and its descendants without post-processing: logits (1, n, columns), boxes (1, n, 4).

Boxes are centre and size relative to the input (0..1). Scores are the sigmoid of the logits, so
that one box may have several classes; or their softmax, with a last column for "no object".
Segmenters also output mask logits, (1, n, rows, columns), which cover the whole input.
"""

from collections.abc import Collection, Mapping

import numpy as np

from app.vision.arrays import Array, Floats, Ints
from app.vision.detections import Candidates
from app.vision.families.base import (
    BATCH,
    Declared,
    Decode,
    Family,
    Outputs,
    best_class,
    is_rows,
)
from app.vision.families.meanings import COCO_NUMBERS, in_pixels
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec
from app.vision.tasks.masks import Masks
from app.vision.tasks.prototypes import WholePrototypes

_LOGITS = ("logits", "pred_logits", "labels")
_BOXES = ("pred_boxes", "dets")
_MASKS = ("masks", "pred_masks")
_MOST = 300
"""Number of pairs of box and class that the models' own post-processing keeps."""
_BY_SOFTMAX = frozenset({"detr", "yolos", "table-transformer"})
"""Hugging Face model types with a "no object" column."""
_BY_SIGMOID = frozenset(
    {"conditional_detr", "deformable_detr", "dab-detr", "deta", "rt_detr", "rt_detr_v2", "d_fine",
     "deim", "deimv2", "dfine", "rtdetr", "rf_detr", "rfdetr", "lw_detr", "grounding-dino"}
)  # fmt: skip
_IMAGENET_MEAN, _IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    """Binds by name, since the number of logit columns differs between models."""
    logits = [name for name in _LOGITS if name in declared]
    boxes = [name for name in _BOXES if name in declared]
    if not logits or not boxes:
        return None
    found = [logits[0], boxes[0]]
    rows = all(is_rows(declared[name]) for name in found)
    return found if rows and declared[boxes[0]][2] in (4, None) else None


def mask_output(declared: Declared) -> str | None:
    return next((name for name in _MASKS if len(declared.get(name, ())) == 4), None)


def columns(declared: Declared) -> int | None:
    found = bind(declared, None)
    return declared[found[0]][2] if found else None


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    """The number of columns is the best evidence: the number of labels, one more, or COCO's 91."""
    width = columns(declared)
    first = tuple(range(labels))
    by = {"boxes": "cxcywh", "unit": "shares"}
    sigmoid: list[tuple[int, ...] | None] = [None] if width in (labels, None) else []
    softmax: list[tuple[int, ...] | None] = []
    if width == labels + 1:
        (sigmoid if _is_rf_detr(declared, model_type) else softmax).append(first)
        if model_type in _BY_SIGMOID:
            sigmoid = [first]
    if labels == len(COCO_NUMBERS) and width is not None and width > COCO_NUMBERS[-1]:
        (softmax if width == COCO_NUMBERS[-1] + 2 else sigmoid).append(COCO_NUMBERS)
    found = [("sigmoid", numbers) for numbers in sigmoid]
    found += [("softmax", numbers) for numbers in softmax]
    if model_type in _BY_SOFTMAX:
        found = [pair for pair in found if pair[0] == "softmax"]
    elif model_type in _BY_SIGMOID:
        found = [pair for pair in found if pair[0] == "sigmoid"]
    return [
        OutputSpec.model_validate({**by, "scores": scores, "numbers": numbers})
        for scores, numbers in found
    ]


def _is_rf_detr(declared: Mapping[str, object], model_type: str) -> bool:
    """Recognised by its output names; fine-tuned files have an unused last column."""
    return model_type in {"rf_detr", "rfdetr"} or {"dets", "labels"} <= declared.keys()


def input_of_form(declared: Declared, inputs: Collection[str], model_type: str, /) -> InputSpec:
    plain = FAMILY.input
    by_mean = (
        _is_rf_detr(declared, model_type)
        or "pixel_mask" in inputs
        or model_type in {*_BY_SOFTMAX, "conditional_detr", "deformable_detr", "dab-detr", "deta"}
    )
    return FAMILY.usual_inputs[0] if by_mean else plain


def with_spec(spec: OutputSpec) -> Decode:
    pick = _by_softmax if spec.scores == "softmax" else _by_sigmoid

    def decode(
        outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
    ) -> Candidates:
        logits = outputs[0][0].astype(np.float32, copy=False)
        numbers = spec.numbers if spec.numbers is not None else range(classes)
        queries, found, scores = pick(logits, list(numbers), threshold)
        boxes = in_pixels(outputs[1][0][queries], spec, input_size)
        candidates = Candidates(boxes, scores, found)
        if len(outputs) < 3:
            return candidates
        return candidates._replace(masks=_masks(outputs[2][0], queries, boxes, input_size))

    return decode


def _by_softmax(logits: Floats, columns: list[int], threshold: float) -> tuple[Ints, Ints, Floats]:
    """Queries, classes and scores above ``threshold``; the last column is "no object"."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = weights / weights.sum(axis=1, keepdims=True)
    queries, best, found = best_class(scores[:, columns], threshold)
    return queries, found, best


def _by_sigmoid(logits: Floats, columns: list[int], threshold: float) -> tuple[Ints, Ints, Floats]:
    """Queries, classes and scores above ``threshold``, at most ``_MOST`` of them."""
    with np.errstate(over="ignore"):  # 1 / infinity is 0, as intended
        scores = (1 / (1 + np.exp(-logits[:, columns]))).astype(np.float32, copy=False)
    flat = scores.ravel()
    likely = np.flatnonzero(flat > threshold)
    if len(likely) > _MOST:
        likely = likely[np.argpartition(-flat[likely], _MOST)[:_MOST]]
    queries, classes = np.divmod(likely, scores.shape[1])
    return queries, classes, flat[likely]


def _masks(maps: Array, queries: Ints, boxes: Floats, input_size: tuple[int, int]) -> Masks:
    """Uses ``maps`` (n, rows, columns) as prototypes; each candidate's mask is its query's map."""
    used, place = np.unique(queries, return_inverse=True)
    one_each = np.eye(len(used), dtype=np.float32)[place]
    rows = np.arange(len(queries))
    return Masks(one_each.__getitem__, rows, WholePrototypes(maps[used]), boxes, input_size)


FAMILY = Family(
    name="raw_detr",
    models="DETR, Conditional and Deformable DETR, YOLOS, RT-DETR, D-FINE, DEIM, RF-DETR and its"
    " segmenters without post-processing, as Hugging Face has them",
    layout="logits (or pred_logits, labels) [1, n, columns], pred_boxes (or dets) [1, n, 4],"
    " for segmenters also masks (or pred_masks) [1, n, rows, columns]",
    input=InputSpec(size=(640, 640), fit="stretch"),
    usual_inputs=(
        InputSpec(size=(640, 640), fit="stretch", mean=_IMAGENET_MEAN, std=_IMAGENET_STD),
    ),
    needs_nms=False,
    masks=mask_output,
    bind=bind,
    decode=with_spec(OutputSpec(boxes="cxcywh", unit="shares", scores="sigmoid")),
    exported={"images": BATCH, "logits": BATCH, "pred_boxes": BATCH},
    feeds={"pixel_mask": lambda height, width: np.ones((1, height, width), dtype=np.int64)},
    optional_feeds=frozenset({"pixel_mask"}),
    ways=ways,
    with_spec=with_spec,
    input_of_form=input_of_form,
    columns=columns,
)
