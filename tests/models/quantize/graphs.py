"""Small graphs with the parts that quantisation looks for."""

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from app.vision.arrays import Array
from tests.models import tiny


def model(
    nodes: list[Any], weights: dict[str, Array], inputs: dict[str, Any], outputs: dict[str, Any]
) -> ModelProto:
    def infos(shapes: dict[str, Any]) -> list[Any]:
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]

    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "small", infos(inputs), infos(outputs), tensors)
    opset = [helper.make_opsetid("", tiny.OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=tiny.IR_VERSION)


def node(kind: str, inputs: str, outputs: str, name: str = "", **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), outputs.split(), name, **attributes)


def silu(before: str, after: str, name: str) -> list[Any]:
    return [
        node("Sigmoid", before, f"{name}.gate", f"{name}.sigmoid"),
        node("Mul", f"{before} {name}.gate", after, f"{name}.mul"),
    ]


def detector(bins: int = 4, classes: int = 2) -> ModelProto:
    """Stem, body, and a head whose boxes are means of distributions: YOLOv8 in small."""
    random = np.random.default_rng(0)

    def kernel(after: int, before: int, side: int) -> Array:
        return random.normal(0, 0.3, (after, before, side, side)).astype(np.float32)

    weights: dict[str, Array] = {
        "w.stem": kernel(8, 3, 3),
        "w.body": kernel(8, 8, 3),
        "w.box": kernel(4 * bins, 8, 1),
        "w.score": kernel(classes, 8, 1),
        "w.bins": np.arange(bins, dtype=np.float32).reshape(1, bins, 1, 1),
        "flat.box": np.array([1, 4 * bins, -1]),
        "flat.score": np.array([1, classes, -1]),
        "by.bin": np.array([1, 4, bins, -1]),
        "by.side": np.array([1, 4, -1]),
        "eight": np.array(8, dtype=np.float32),
    }
    stride = {"strides": [8, 8], "pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", "images w.stem", "s", "stem", **stride),
        *silu("s", "a", "stem"),
        node("Conv", "a w.body", "b", "body", pads=[1, 1, 1, 1]),
        *silu("b", "c", "body"),
        node("Conv", "c w.box", "box", "box"),
        node("Conv", "c w.score", "logits", "score"),
        node("Reshape", "box flat.box", "box.flat", "box.flatten"),
        node("Reshape", "box.flat by.bin", "dfl.bins", "dfl.split"),
        node("Transpose", "dfl.bins", "dfl.first", "dfl.transpose", perm=[0, 2, 1, 3]),
        node("Softmax", "dfl.first", "dfl.shares", "dfl.softmax", axis=1),
        node("Conv", "dfl.shares w.bins", "dfl.mean", "dfl.conv"),
        node("Reshape", "dfl.mean by.side", "sides", "dfl.join"),
        node("Mul", "sides eight", "pixels", "scale"),
        node("Reshape", "logits flat.score", "logits.flat", "score.flatten"),
        node("Sigmoid", "logits.flat", "scores", "score.sigmoid"),
        node("Concat", "pixels scores", "output0", "join", axis=1),
    ]
    sides = {"images": [1, 3, "height", "width"]}
    return model(nodes, weights, sides, {"output0": [1, 4 + classes, "cells"]})
