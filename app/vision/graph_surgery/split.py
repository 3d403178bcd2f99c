"""Cuts a YOLOv8-style graph before it decodes the boxes of every anchor.

The sides of a box are distributions (DFL). The full graph computes the softmax and the mean of each
for thousands of anchors, although only a few dozen are used: a tenth of YOLOv8n's time. The
preceding convolutions, which only the boxes need, take a sixth of the rest. The decoder of the cut
graph (``families/distributions.py``) does both for those few dozen.
"""

from collections.abc import Sequence
from mmap import mmap
from typing import NamedTuple

import numpy as np

from app.vision.arrays import Shape
from app.vision.graph_surgery import box_branch
from app.vision.graph_surgery.onnx_graph import Graph, Node
from app.vision.graph_surgery.sparse_convolution import BoxBranch

_WITH_SUBGRAPHS = frozenset({"If", "Loop", "Scan", "SequenceMap"})
"""The subgraphs of these operators use tensors that are not among the node's own inputs."""
_FLOAT, _FLOAT16 = 1, 10
"""ONNX's numbers for these types."""
_DISTRIBUTION = ("Softmax", "Transpose", "Reshape")
"""Operators from the probabilities of the bins back to their logits."""


class Cut(NamedTuple):
    model: bytes
    """An ONNX file whose graph ends at ``outputs``."""
    outputs: list[str]
    """A tensor per level for the boxes, then one per level for the class logits; or one for
    both."""
    declared: dict[str, Shape]
    """Names and shapes of the outputs of the full graph."""
    branches: Sequence[BoxBranch]
    """Compute the box logits, one branch per level, if the box outputs are feature maps."""
    masks: "MaskCut | None" = None
    """None unless the model is a segmenter."""


class MaskCut(NamedTuple):
    """The parts that compute a segmenter's masks, separate from its boxes."""

    head: bytes
    """An ONNX file: from the first feature map to the prototypes."""
    branches: Sequence[BoxBranch]
    """Compute the coefficients from the feature maps, one branch per level."""


class _Levels(NamedTuple):
    outputs: list[str]
    """Logits of each level: boxes and classes in one tensor, or boxes, then classes."""
    boxes: list[str]
    """Box logits; empty, like ``classes``, if no tensor has them alone."""
    classes: list[str]


def cut(file: mmap | bytes, *, late_boxes: bool = True) -> Cut | None:
    """None for any other graph, and for a broken file, which the session reports.

    ``late_boxes`` also cuts off the convolutions of the boxes, which then run on one CPU core.
    """
    try:
        with memoryview(file) as data:
            graph = Graph(data)
            levels = _find(graph)
            if levels is None:
                return None
            late = _without_boxes(graph, levels) if late_boxes else None
            outputs, branches = late or (levels.outputs, [])
            masks = None
            if _has_masks(graph):
                masks = _masks(graph, outputs[: len(branches)])
                if masks is None:
                    return None
            return Cut(graph.until(outputs), outputs, graph.outputs, branches, masks)
    except (ValueError, IndexError):
        return None


def _without_boxes(graph: Graph, levels: _Levels) -> tuple[list[str], list[BoxBranch]] | None:
    """The feature maps before the box convolutions, then the class logits."""
    try:
        found = [box_branch.read(graph, level) for level in levels.boxes]
    except (ValueError, IndexError):
        return None
    ends = [end for end in found if end is not None]
    if not ends or len(ends) < len(found):
        return None
    features = [feature for feature, _ in ends]
    return features + levels.classes, [branch for _, branch in ends]


def _has_masks(graph: Graph) -> bool:
    """Whether there is a second output with the shape of prototypes."""
    shapes = list(graph.outputs.values())
    return len(shapes) == 2 and len(shapes[1]) == 4


def _masks(graph: Graph, features: list[str]) -> MaskCut | None:
    """None if the masks depend on more than ``features``, the inputs of the box branches."""
    first, prototypes = graph.outputs
    parts = _concatenated(graph, _back(graph, first, "Cast") or first)
    levels = _levels(graph, parts[2]) if len(parts) == 3 else None
    if not features or levels is None or len(levels) != len(features):
        return None
    found = [box_branch.read(graph, level) for level in levels]
    if [end and end[0] for end in found] != features:
        return None
    half = any(_is_half(graph, node) for node in graph.nodes if features[0] in node.inputs)
    head = graph.between(features[0], prototypes, _FLOAT16 if half else _FLOAT)
    return None if head is None else MaskCut(head, [end[1] for end in found if end is not None])


def _is_half(graph: Graph, node: Node) -> bool:
    constants = (graph.constant(name) for name in node.inputs)
    return any(value is not None and value.dtype == np.float16 for value in constants)


def _find(graph: Graph) -> _Levels | None:
    if not graph.complete or any(node.operator in _WITH_SUBGRAPHS for node in graph.nodes):
        return None
    first = next(iter(graph.outputs), "")
    parts = _concatenated(graph, _back(graph, first, "Cast") or first)
    if len(parts) < 2:
        return None
    sides = _sides(graph, parts[0])
    boxes = _distributions(graph, sides) or _exponentials(graph, sides)
    classes = _back(graph, parts[1], "Sigmoid")
    if boxes is None or classes is None:
        return None
    split = graph.producer(boxes)
    if split is not None and split.operator == "Split" and split.outputs == [boxes, classes]:
        joined = _levels(graph, split.inputs[0])
        return None if joined is None else _Levels(joined, *_apart(graph, joined))
    box_levels, class_levels = _levels(graph, boxes), _levels(graph, classes)
    if box_levels is None or class_levels is None or len(box_levels) != len(class_levels):
        return None
    return _Levels(box_levels + class_levels, box_levels, class_levels)


def _apart(graph: Graph, joined: list[str]) -> tuple[list[str], list[str]]:
    """The box logits and class logits that each level of ``joined`` concatenates, if it does."""
    nodes = [graph.producer(level) for level in joined]
    pairs = [
        node.inputs
        for node in nodes
        if node is not None
        and (node.operator, len(node.inputs), graph.integers(node)) == ("Concat", 2, {"axis": [1]})
    ]
    if len(pairs) < len(joined):
        return [], []
    return [boxes for boxes, _ in pairs], [classes for _, classes in pairs]


def _distributions(graph: Graph, sides: str | None) -> str | None:
    """The logits of the distributions whose means, in bins, are ``sides``."""
    mean = _inputs(graph, _back(graph, sides, "Reshape"), "Conv")
    values = graph.constant(mean[1]) if len(mean) == 2 else None
    if values is None or not np.array_equal(values.ravel(), np.arange(values.size)):
        return None
    return _back(graph, mean[0], *_DISTRIBUTION)


def _exponentials(graph: Graph, sides: str | None) -> str | None:
    """Like ``_distributions``, for the sums of exponentials that ``models.quantize`` writes."""
    product = _inputs(graph, _back(graph, sides, "Div", "Split"), "MatMul")
    mix = graph.constant(product[0]) if len(product) == 2 else None
    if mix is None or mix.size % 32:
        return None
    bins = mix.size // 32  # the four sides twice, by all bins of all sides
    if not np.array_equal(mix.ravel()[:bins], np.arange(bins)):
        return None
    return _back(graph, product[1], "Exp", "Clip")


def _sides(graph: Graph, boxes: str) -> str | None:
    """The distances of all anchors to the four sides, if ``boxes`` are centre and size.

    Only the operators and their order are checked: centre = (low + high) / 2, size = high - low,
    low = anchor - the first two distances, high = anchor + the other two, all times the stride.
    """
    both = _inputs(graph, _back(graph, boxes, "Mul"), "Concat")
    if len(both) != 2:
        return None
    size = _inputs(graph, both[1], "Sub")
    if len(size) != 2 or _inputs(graph, _back(graph, both[0], "Div"), "Add") != size[::-1]:
        return None
    high, low = _inputs(graph, size[0], "Add"), _inputs(graph, size[1], "Sub")
    if len(high) != 2 or len(low) != 2 or not _same(graph, high[0], low[0]):
        return None
    first, second = graph.producer(low[1]), graph.producer(high[1])
    if first is None or second is None or first.inputs[0] != second.inputs[0]:
        return None
    halves = {first.operator, second.operator}
    if halves == {"Slice"} or (halves == {"Split"} and first.outputs == [low[1], high[1]]):
        return first.inputs[0]
    return None


def _same(graph: Graph, tensor: str, other: str) -> bool:
    """Whether both are one tensor, or both constants: exporters repeat them at each use."""
    nodes = graph.producer(tensor), graph.producer(other)
    return tensor == other or all(node is None or node.operator == "Constant" for node in nodes)


def _levels(graph: Graph, tensor: str) -> list[str] | None:
    """The maps (1, channels, height, width) that ``tensor`` concatenates after flattening."""
    levels = [_back(graph, part, "Reshape") for part in _inputs(graph, tensor, "Concat")]
    found = [level for level in levels if level is not None]
    return found if found and len(found) == len(levels) else None


def _concatenated(graph: Graph, tensor: str) -> Sequence[str]:
    """The inputs that ``tensor`` concatenates; a nested first input is expanded in turn."""
    parts = _inputs(graph, tensor, "Concat")
    inner = _inputs(graph, parts[0], "Concat") if parts else []
    return [*inner, *parts[1:]] if inner else parts


def _back(graph: Graph, tensor: str | None, *operators: str) -> str | None:
    """The tensor before a chain of ``operators``, given last first, that ends at ``tensor``."""
    for operator in operators:
        inputs = _inputs(graph, tensor, operator)
        tensor = inputs[0] if inputs else None
    return tensor


def _inputs(graph: Graph, tensor: str | None, operator: str) -> Sequence[str]:
    """Inputs of the node that produces ``tensor``; empty if its operator is not ``operator``."""
    node: Node | None = None if tensor is None else graph.producer(tensor)
    return node.inputs if node is not None and node.operator == operator else []
