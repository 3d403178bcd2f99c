"""Counts the parameters and the operations of a model over the layers of its graph."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from app.vision.arrays import Array
from models.common.commands import require

_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "ConvInteger", "MatMulInteger"})
_NORMS = frozenset({"BatchNormalization", "LayerNormalization", "InstanceNormalization", "PRelu"})
_PASS_THROUGH = frozenset({"Cast", "DequantizeLinear", "Identity", "Transpose", "Reshape"})
"""Operators between a stored weight and the layer that uses it."""


def parameters(model: Any) -> int:
    """Number of weights and biases of the layers; other constants are not counted."""
    stored = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            stored[node.output[0]] = math.prod(node.attribute[0].t.dims)
    source = {
        node.output[0]: node.input[0] for node in model.graph.node if node.op_type in _PASS_THROUGH
    }
    weights = {
        _stored_name(name, source)
        for node in model.graph.node
        if node.op_type in _LAYERS | _NORMS
        for name in node.input[1:]
    }
    return sum(stored.get(name, 0) for name in weights)


def _stored_name(name: str, source: Mapping[str, str]) -> str:
    while name in source:
        name = source[name]
    return name


def operations(model: Any, feed: Mapping[str, Array]) -> int:
    """Twice the number of multiplications in one run over ``feed``.

    The shapes are those of a real run, since shape inference leaves some open in graphs of the DETR
    family and in mixed precision.
    """
    layers = [node for node in model.graph.node if node.op_type in _LAYERS]
    shapes = _shapes(model, feed, {name for node in layers for name in _tensors(node)})
    total = 0
    for node in layers:
        weight, out = shapes[node.input[1]], shapes[node.output[0]]
        if node.op_type == "ConvTranspose":
            total += math.prod(shapes[node.input[0]]) * math.prod(weight[1:])
        elif node.op_type.startswith("Conv"):
            total += math.prod(out) * math.prod(weight[1:])
        else:
            total += math.prod(out) * shapes[node.input[0]][0 if _transposed(node) else -1]
    return 2 * total


def _tensors(node: Any) -> Iterator[str]:
    yield from (node.input[0], node.input[1], node.output[0])


def _transposed(node: Any) -> bool:
    return any(attribute.name == "transA" and attribute.i for attribute in node.attribute)


def _shapes(model: Any, feed: Mapping[str, Array], names: set[str]) -> dict[str, tuple[int, ...]]:
    onnx, ort = require("onnx"), require("onnxruntime")
    known = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    known.update({name: value.shape for name, value in feed.items()})
    wanted = sorted(names - known.keys())
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = session.run(wanted, dict(feed))
    return {**known, **{name: np.shape(value) for name, value in zip(wanted, found, strict=True)}}
