"""The shipped model in the form of each family: the same network, other inputs and outputs.

Each form has fixed sides and COCO's 80 classes, those that the shipped model does not know at 0.
Families that have no NMS of their own get boxes after ONNX's.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.common import metadata
from models.common.labels import COCO
from tests.server import REPOSITORY

SIDE = 320
IOU = 0.5
"""Of the NMS within the graph."""
_SHIPPED = REPOSITORY / "models" / "default.onnx"
_STRIDES = (8, 16, 32)
_ROWS = 100
"""Boxes after NMS."""
_BINS = 41
"""As many as the finest level has cells, and one."""
_MOST_LOGARITHM = 6.0


class _Graph:
    """Nodes and constants behind the shipped model; every method returns the name of a tensor."""

    def __init__(self) -> None:
        self.model = onnx.load(_SHIPPED)
        described = metadata.read(self.model.SerializeToString())
        self.labels: list[str] = json.loads(described["spotter"])["labels"]
        del self.model.metadata_props[:], self.model.graph.output[:]
        sides = self.model.graph.input[0].type.tensor_type.shape.dim
        for axis, side in zip(sides, (1, 3, SIDE, SIDE), strict=True):
            axis.ClearField("dim_param")
            axis.dim_value = side

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        name = f"own.constant.{len(self.model.graph.initializer)}"
        self.model.graph.initializer.append(numpy_helper.from_array(np.array(value, kind), name))
        return name

    def node(self, operator: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"own.{len(self.model.graph.node)}"
        self.model.graph.node.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def shaped(self, tensor: str, *shape: int) -> str:
        return self.node("Reshape", tensor, self.constant(shape, np.int64))

    def joined(self, *tensors: str, axis: int) -> str:
        return self.node("Concat", *tensors, axis=axis)

    def turned(self, tensor: str) -> str:
        """(1, columns, n) as (1, n, columns)."""
        return self.node("Transpose", tensor, perm=[0, 2, 1])

    def picked(self, tensor: str, indices: Any, axis: int) -> str:
        return self.node("Gather", tensor, self.constant(indices, np.int64), axis=axis)

    def give(self, tensor: str, name: str, *shape: int | str, kind: int = 1) -> None:
        """Makes ``tensor`` an output of the file."""
        self.node("Identity", tensor, out=name)
        self.model.graph.output.append(helper.make_tensor_value_info(name, kind, shape))

    def takes(self, change: Callable[[str], str]) -> None:
        """Has the file take another input, from which ``change`` makes the network's."""
        network = list(self.model.graph.node)
        del self.model.graph.node[:]
        changed = change("images")
        for node in network:
            node.input[:] = [changed if name == "images" else name for name in node.input]
        self.model.graph.node.extend(network)

    def scores(self, stride: int) -> str:
        """(1, 80, cells), 0..1."""
        known = self.node("Sigmoid", f"scores.{stride}")
        flat = self.shaped(known, 1, len(self.labels), -1)
        nothing = self.constant(np.zeros((1, 1, _cells(stride))))
        numbers = [
            self.labels.index(label) if label in self.labels else len(self.labels) for label in COCO
        ]
        return self.picked(self.joined(flat, nothing, axis=1), numbers, 1)

    def distances(self, stride: int) -> str:
        """(1, 4, cells): left, top, right and bottom of the cell's centre, in cells."""
        limited = self.node("Min", f"distances.{stride}", self.constant(_MOST_LOGARITHM))
        return self.shaped(self.node("Exp", limited), 1, 4, -1)

    def corners(self, stride: int) -> str:
        """(1, 4, cells), in pixels."""
        signs = self.constant(np.array([-1, -1, 1, 1])[None, :, None])
        centres = self.constant(np.tile(_centres(stride), (2, 1))[None])
        cells = self.node("Add", centres, self.node("Mul", self.distances(stride), signs))
        return self.node("Mul", cells, self.constant(stride))

    def all_scores(self) -> str:
        return self.joined(*map(self.scores, _STRIDES), axis=2)

    def all_corners(self) -> str:
        return self.joined(*map(self.corners, _STRIDES), axis=2)

    def centred(self, corners: str) -> str:
        """(1, 4, n): centre and size of corners."""
        ends = self.picked(corners, [2, 3], 1), self.picked(corners, [0, 1], 1)
        half = self.constant(0.5)
        centre = self.node("Mul", self.node("Add", *ends), half)
        return self.joined(centre, self.node("Sub", *ends), axis=1)

    def in_shares(self, tensor: str) -> str:
        return self.node("Div", tensor, self.constant(SIDE))

    def selected(self) -> tuple[str, str, str]:
        """Corners (1, n, 4), scores (1, 80, n) and the indices (m, 3) that NMS selects."""
        boxes, scores = self.turned(self.all_corners()), self.all_scores()
        limits = self.constant([_ROWS], np.int64), self.constant([IOU]), self.constant([0.02])
        return boxes, scores, self.node("NonMaxSuppression", boxes, scores, *limits)

    def suppressed(self) -> tuple[str, str, str]:
        """Corners (100, 4), scores (100, 1) and classes (100, 1) as floats; 0 where unused."""
        boxes, scores, chosen = self.selected()
        rows = self.node("Squeeze", self.picked(chosen, [2], 1), self.constant([1], np.int64))
        flat_boxes = self.shaped(boxes, -1, 4)
        place = self.picked(chosen, [0, 1, 2], 1)
        score = self.shaped(self.node("GatherND", scores, place), -1, 1)
        number = self.node("Cast", self.picked(chosen, [1], 1), to=TensorProto.FLOAT)
        table = self.joined(self.node("Gather", flat_boxes, rows, axis=0), score, number, axis=1)
        padded = self.joined(table, self.constant(np.zeros((_ROWS, 6))), axis=0)
        starts, ends = self.constant([0], np.int64), self.constant([_ROWS], np.int64)
        cut = self.shaped(self.node("Slice", padded, starts, ends), _ROWS, 6)
        return self.picked(cut, range(4), 1), self.picked(cut, [4], 1), self.picked(cut, [5], 1)

    def save(self, path: Path) -> Path:
        onnx.checker.check_model(self.model)
        onnx.save(self.model, path)
        return path


def _cells(stride: int) -> int:
    return (SIDE // stride) ** 2


def _centres(stride: int) -> Any:
    """(2, cells): x and y of each cell's centre, in cells."""
    side = SIDE // stride
    y, x = np.divmod(np.arange(side * side), side)
    return np.stack([x, y]) + 0.5


def _yolov8(g: _Graph) -> None:
    rows = g.joined(g.centred(g.all_corners()), g.all_scores(), axis=1)
    g.give(rows, "output0", 1, 84, "anchors")


def _box_rows(g: _Graph) -> None:
    rows = g.joined(g.centred(g.all_corners()), g.all_scores(), axis=1)
    g.give(g.turned(rows), "output0", 1, "anchors", 84)


def _yolov5(g: _Graph) -> None:
    sure = g.constant(np.ones((1, 1, sum(map(_cells, _STRIDES)))))
    rows = g.joined(g.centred(g.all_corners()), sure, g.all_scores(), axis=1)
    g.give(g.turned(rows), "output0", 1, "anchors", 85)


def _yolox(g: _Graph) -> None:
    g.takes(lambda images: g.node("Div", g.picked(images, [2, 1, 0], 1), g.constant(255.0)))
    levels = []
    for stride in _STRIDES:
        box = g.node("Div", g.centred(g.corners(stride)), g.constant(stride))
        grid = g.constant((_centres(stride) - 0.5)[None])
        offset = g.node("Sub", g.picked(box, [0, 1], 1), grid)
        size = g.node("Log", g.picked(box, [2, 3], 1))
        sure = g.constant(np.ones((1, 1, _cells(stride))))
        levels.append(g.joined(offset, size, sure, g.scores(stride), axis=1))
    g.give(g.turned(g.joined(*levels, axis=2)), "output", 1, "anchors", 85)


def _end2end(g: _Graph) -> None:
    g.give(g.shaped(g.joined(*g.suppressed(), axis=1), 1, _ROWS, 6), "output0", 1, _ROWS, 6)


def _one_hot(g: _Graph, scores: str, numbers: str) -> str:
    """(100, 80): each score in the column of its class."""
    columns = g.constant(np.arange(len(COCO))[None])
    is_it = g.node("Cast", g.node("Equal", numbers, columns), to=TensorProto.FLOAT)
    return g.node("Mul", scores, is_it)


def _rtdetr(g: _Graph) -> None:
    boxes, scores, numbers = g.suppressed()
    shares = g.in_shares(g.centred(g.shaped(g.node("Transpose", boxes), 1, 4, _ROWS)))
    columns = g.shaped(_one_hot(g, scores, numbers), 1, _ROWS, len(COCO))
    g.give(g.joined(g.turned(shares), columns, axis=2), "output0", 1, _ROWS, 84)


def _raw_detr(g: _Graph) -> None:
    boxes, scores, numbers = g.suppressed()
    shares = g.in_shares(g.centred(g.shaped(g.node("Transpose", boxes), 1, 4, _ROWS)))
    tiny = g.constant(1e-6), g.constant(1 - 1e-6)
    odds = g.node("Clip", _one_hot(g, scores, numbers), *tiny)
    rest = g.node("Sub", g.constant(1.0), odds)
    logits = g.node("Log", g.node("Div", odds, rest))
    g.give(g.shaped(logits, 1, _ROWS, len(COCO)), "logits", 1, _ROWS, len(COCO))
    g.give(g.turned(shares), "pred_boxes", 1, _ROWS, 4)


def _detr(g: _Graph) -> None:
    boxes, scores, numbers = g.suppressed()
    size = helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [1, 2])
    g.model.graph.input.append(size)
    sides = g.node("Cast", "orig_target_sizes", to=TensorProto.FLOAT)
    scale = g.joined(sides, sides, axis=1)
    placed = g.node("Mul", g.in_shares(boxes), scale)
    label = g.node("Cast", g.shaped(numbers, 1, _ROWS), to=TensorProto.INT64)
    g.give(label, "labels", 1, _ROWS, kind=TensorProto.INT64)
    g.give(g.shaped(placed, 1, _ROWS, 4), "boxes", 1, _ROWS, 4)
    g.give(g.shaped(scores, 1, _ROWS), "scores", 1, _ROWS)


def _detections_apart(g: _Graph) -> None:
    boxes, scores, numbers = g.suppressed()
    label = g.node("Cast", g.shaped(numbers, _ROWS), to=TensorProto.INT64)
    g.give(g.joined(boxes, scores, axis=1), "dets", _ROWS, 5)
    g.give(label, "labels", _ROWS, kind=TensorProto.INT64)


def _detection_rows(g: _Graph) -> None:
    picture = g.constant(np.zeros((_ROWS, 1)))
    boxes, scores, numbers = g.suppressed()
    g.give(g.joined(picture, boxes, numbers, scores, axis=1), "output", _ROWS, 7)


def _selected_indices(g: _Graph) -> None:
    boxes, scores, chosen = g.selected()
    g.give(boxes, "boxes", 1, "anchors", 4)
    g.give(scores, "scores", 1, len(COCO), "anchors")
    g.give(chosen, "selected_indices", "selected", 3, kind=TensorProto.INT64)


def _boxes_scores(g: _Graph) -> None:
    g.give(g.turned(g.all_corners()), "boxes", 1, "anchors", 4)
    g.give(g.turned(g.all_scores()), "scores", 1, "anchors", len(COCO))


def _ssd(g: _Graph) -> None:
    background = g.constant(np.zeros((1, 1, sum(map(_cells, _STRIDES)))))
    g.give(g.turned(g.in_shares(g.all_corners())), "boxes", 1, "anchors", 4)
    scores = g.turned(g.joined(background, g.all_scores(), axis=1))
    g.give(scores, "scores", 1, "anchors", 1 + len(COCO))


def _nanodet_m(g: _Graph) -> None:
    """A distance between two bins is a distribution over these two."""
    bins = g.constant(np.arange(_BINS)[None, None])
    for stride in _STRIDES:
        cells = _cells(stride)
        distance = g.shaped(g.turned(g.distances(stride)), cells, 4, 1)
        limited = g.node("Min", distance, g.constant(_BINS - 1.0))
        apart = g.node("Abs", g.node("Sub", limited, bins))
        share = g.node("Max", g.node("Sub", g.constant(1.0), apart), g.constant(1e-9))
        logits = g.shaped(g.node("Log", share), 1, cells, 4 * _BINS)
        g.give(g.turned(g.scores(stride)), f"cls_pred_{stride}", 1, cells, len(COCO))
        g.give(logits, f"dis_pred_{stride}", 1, cells, 4 * _BINS)


FORMS: dict[str, Callable[[_Graph], None]] = {
    "yolov8": _yolov8,
    "box_rows": _box_rows,
    "yolov5": _yolov5,
    "yolox": _yolox,
    "end2end": _end2end,
    "rtdetr": _rtdetr,
    "raw_detr": _raw_detr,
    "detr": _detr,
    "detections_apart": _detections_apart,
    "detection_rows": _detection_rows,
    "selected_indices": _selected_indices,
    "boxes_scores": _boxes_scores,
    "ssd": _ssd,
    "nanodet_m": _nanodet_m,
}
"""By family."""


def write(path: Path, family: str) -> Path:
    """The shipped model in the form of ``family``; like such files, it does not say what it is."""
    graph = _Graph()
    FORMS[family](graph)
    return graph.save(path)
