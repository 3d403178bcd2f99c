"""Detectors of a few hundred bytes, for tests: they run, and their answers are easy to predict."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, save

OPSET = 17
IR_VERSION = 9
STRIDE = 32


def conv_model(
    channels: int = 6, side: int | None = 64, hidden: int = 8, seed: int = 0
) -> ModelProto:
    """Two convolutions, then ``[1, channels, cells]`` of probabilities: the layout of yolov8."""
    random = np.random.default_rng(seed)
    weights = {
        "first": random.normal(0, 0.3, (hidden, 3, 3, 3)),
        "second": random.normal(0, 0.3, (hidden, hidden, 3, 3)),
        "third": random.normal(0, 0.5, (channels, hidden, 1, 1)),
        "flat": np.array([0, channels, -1]),
    }
    nodes = [
        helper.make_node(
            "Conv", ["images", "first"], ["a"], "conv1", strides=[8, 8], pads=[1, 1, 1, 1]
        ),
        helper.make_node("Relu", ["a"], ["b"], "relu1"),
        helper.make_node(
            "Conv", ["b", "second"], ["c"], "conv2", strides=[4, 4], pads=[1, 1, 1, 1]
        ),
        helper.make_node("Relu", ["c"], ["d"], "relu2"),
        helper.make_node("Conv", ["d", "third"], ["e"], "head"),
        helper.make_node("Sigmoid", ["e"], ["f"], "sigmoid"),
        helper.make_node("Reshape", ["f", "flat"], ["output0"], "flatten"),
    ]
    sides: Sequence[int | str] = ["height", "width"] if side is None else [side, side]
    cells = "cells" if side is None else (side // STRIDE) ** 2
    return _model(nodes, weights, [1, 3, *sides], [1, channels, cells])


def yolox_model(classes: int, side: int = 64) -> ModelProto:
    """Average colours of every cell, repeated over the columns of the YOLOX layout."""
    columns = 5 + classes
    weights = {
        "mix": np.full((columns, 3, 1, 1), 1 / 765),
        "flat": np.array([1, columns, -1]),
    }
    nodes = []
    for stride in (8, 16, 32):
        nodes += [
            helper.make_node(
                "AveragePool", ["images"], [f"p{stride}"], kernel_shape=[stride] * 2,
                strides=[stride] * 2,
            ),
            helper.make_node("Conv", [f"p{stride}", "mix"], [f"c{stride}"]),
            helper.make_node("Reshape", [f"c{stride}", "flat"], [f"r{stride}"]),
        ]  # fmt: skip
    nodes += [
        helper.make_node("Concat", ["r8", "r16", "r32"], ["all"], axis=2),
        helper.make_node("Transpose", ["all"], ["output"], perm=[0, 2, 1]),
    ]
    cells = sum((side // stride) ** 2 for stride in (8, 16, 32))
    return _model(nodes, weights, [1, 3, side, side], [1, cells, columns])


def write(model: ModelProto, path: Path) -> Path:
    save(model, path)
    return path


def _model(
    nodes: list[NodeProto],
    weights: dict[str, np.ndarray],
    inputs: Sequence[int | str],
    outputs: Sequence[int | str],
) -> ModelProto:
    initializers = [
        numpy_helper.from_array(
            value if value.dtype.kind == "i" else value.astype(np.float32), name
        )
        for name, value in weights.items()
    ]
    last = nodes[-1].output[0]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, inputs)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, outputs)],
        initializers,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
