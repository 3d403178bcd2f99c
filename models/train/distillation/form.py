"""What a teacher's graph offers, whatever its family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import onnx
from torch import Tensor

from models.train.net import Raw


class TeacherError(ValueError):
    """The file cannot be a teacher for these labels."""


class Answer(NamedTuple):
    """The teacher's opinion at the student's anchors."""

    scores: Tensor
    """Probability of each of the teacher's classes ``[batch, anchors, classes]``."""
    boxes: Tensor
    """Left, top, right, bottom in input pixels ``[batch, anchors, 4]``."""


@dataclass(frozen=True)
class Form:
    outputs: tuple[str, ...]
    """Tensors of the graph that ``answer`` is computed from."""
    maps: tuple[str, ...]
    """Feature maps of the neck, which the heads start from, in any order."""
    answer: Callable[[Sequence[Tensor], Raw], Answer]
    """From the outputs, and from the student's own for the same pictures."""


class Graph:
    """Finds nodes and weights by the names of their tensors."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.nodes = tuple(graph.node)
        self._makers = {name: node for node in graph.node for name in node.output}
        self._shapes = {each.name: tuple(each.dims) for each in graph.initializer}

    def maker(self, tensor: str) -> onnx.NodeProto | None:
        """The node that computes ``tensor``; None for an input or a stored one."""
        return self._makers.get(tensor)

    def last_convolutions(self) -> list[onnx.NodeProto]:
        """Those that no other one comes after; the nodes of a graph are in topological order."""
        last: list[onnx.NodeProto] = []
        before: set[str] = set()
        for node in reversed(self.nodes):
            convolves = node.op_type == "Conv"
            earlier = any(name in before for name in node.output)
            if convolves and not earlier:
                last.append(node)
            if convolves or earlier:
                before.update(node.input)
        return last

    def kernel(self, convolution: onnx.NodeProto) -> tuple[int, ...] | None:
        """Its shape: channels out, channels in per group, height, width; None if not stored."""
        return self._shapes.get(convolution.input[1])
