"""YOLOX as a teacher; its anchors are the student's, stride by stride and row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from models.common.network import Network, Node
from models.train.distillation.form import Answer, Form
from models.train.net import LONGEST, STRIDES, Raw


def find(model: onnx.ModelProto, classes: int) -> Form | None:
    """None for a graph of another family. Official exports fix the batch; here it is made free."""
    if len(model.graph.output) != 1 or not _free_batch(model.graph, 5 + classes):
        return None
    maps = neck_maps(model)
    if len(maps) != len(STRIDES):
        return None
    return Form((model.graph.output[0].name,), maps, answer)


def answer(outputs: Sequence[Tensor], raw: Raw) -> Answer:
    """``outputs`` is one tensor ``[batch, anchors, 5 + classes]``, whose boxes are not decoded."""
    (rows,) = outputs
    # YOLOX counts from the corner of a cell; the student's points are at its centre.
    centre = rows[..., :2] * raw.strides + raw.points - raw.strides / 2
    half = rows[..., 2:4].clamp(max=LONGEST).exp() * raw.strides / 2
    return Answer(rows[..., 4:5] * rows[..., 5:], torch.cat((centre - half, centre + half), -1))


def neck_maps(model: onnx.ModelProto) -> tuple[str, ...]:
    """Names of the maps that the heads start from, level by level.

    A head is one convolution followed by two branches, which end in the three parts of the level's
    ``Concat``: box, objectness, classes.
    """
    network = Network(model)
    users = Counter(node.input[0] for node in network.nodes if node.op_type == "Conv")
    found = []
    for node in network.nodes:
        if node.op_type != "Concat" or len(node.input) != 3:
            continue
        ends = [network.producers.get(name) for name in node.input]
        if [end and end.op_type for end in ends] != ["Conv", "Sigmoid", "Sigmoid"]:
            continue
        stem = _convolution(network, node.input[2])
        while stem is not None and users[stem.input[0]] < 2:
            stem = _convolution(network, stem.input[0])
        stem = stem and _convolution(network, stem.input[0])
        if stem is not None:
            found.append(stem.input[0])
    return tuple(found)


def _convolution(network: Network, tensor: str) -> Node | None:
    """The convolution that computes ``tensor``, directly or through its activation."""
    node = network.producers.get(tensor)
    while node is not None and node.op_type in ("Mul", "Sigmoid"):
        node = network.producers.get(node.input[0])
    return node if node is not None and node.op_type == "Conv" else None


def _free_batch(graph: onnx.GraphProto, rows: int) -> bool:
    """Frees the batch and the number of anchors in the shapes that the levels are reshaped to.

    False if there is no such shape, or another one.
    """
    targets = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    stored = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in targets:
            stored[node.output[0]] = node.attribute[0].t
    for name in targets:
        if name not in stored or list(numpy_helper.to_array(stored[name]))[:2] != [1, rows]:
            return False
    for name in targets:
        stored[name].CopyFrom(numpy_helper.from_array(np.array([0, rows, -1]), stored[name].name))
    return bool(targets)
