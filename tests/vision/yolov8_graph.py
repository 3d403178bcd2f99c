"""The head of YOLOv8 in small: two levels, logits to boxes as the exporters write them."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from app.vision.arrays import Array
from tests.vision.onnx_files import description

HEIGHT, WIDTH = 64, 96
STRIDES = (8, 16)
BINS, CLASSES = 4, 2
Style = Literal["apart", "together"]
"""Boxes and classes of a level in convolutions of their own all the way, or joined and split."""


def detector(
    style: Style = "apart", slicing: str = "Slice", tail: str = "", deep: bool = False
) -> ModelProto:
    """``tail`` names a change that makes the boxes other boxes.

    ``deep``: boxes and classes of a level come from a feature map that they share.
    """
    random = np.random.default_rng(0)
    constants: dict[str, Array] = {
        "bins": np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1)
        * (2 if tail == "wide bins" else 1),
        "flat.box": np.array([1, 4 * BINS, -1]),
        "flat.class": np.array([1, CLASSES, -1]),
        "flat.both": np.array([1, 4 * BINS + CLASSES, -1]),
        "by.bin": np.array([1, 4, BINS, -1]),
        "by.side": np.array([1, 4, -1]),
        "both.sizes": np.array([4 * BINS, CLASSES]),
        "half": np.array([2, 2]),
        "0": np.array([0]), "2": np.array([2]), "4": np.array([4]), "1": np.array([1]),
        "two": np.array(2, dtype=np.float32),
        **_grid(),
    }  # fmt: skip
    nodes: list[NodeProto] = []

    def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> None:
        nodes.append(helper.make_node(operator, inputs.split(), outputs.split(), **attributes))

    def convolution(before: str, name: str, shape: tuple[int, ...], **attributes: Any) -> str:
        constants[f"w.{name}"] = random.normal(0, 0.5, shape).astype(np.float32)
        node("Conv", f"{before} w.{name}", name, **attributes)
        return name

    def silu(before: str) -> str:
        node("Sigmoid", before, f"{before}.gate")
        node("Mul", f"{before} {before}.gate", f"{before}.silu")
        return f"{before}.silu"

    def from_feature(level: int, stride: int) -> None:
        steps = {"strides": [stride, stride]}
        feature = silu(convolution("images", f"stem.{level}", (6, 3, stride, stride), **steps))
        same = {"pads": [1, 1, 1, 1]}
        inner = silu(convolution(feature, f"box.{level}.0", (7, 6, 3, 3), **same))
        inner = silu(convolution(inner, f"box.{level}.1", (8, 7, 3, 3), **same))
        convolution(inner, f"box.{level}", (4 * BINS, 8, 1, 1))
        convolution(feature, f"class.{level}", (CLASSES, 6, 1, 1))

    for level, stride in enumerate(STRIDES):
        if deep:
            from_feature(level, stride)
        for kind, channels in (("box", 4 * BINS), ("class", CLASSES)):
            name = f"{kind}.{level}"
            if not deep:
                shape = (channels, 3, stride, stride)
                constants[f"w.{name}"] = random.normal(0, 3 / stride, shape).astype(np.float32)
                node("Conv", f"images w.{name}", name, strides=[stride, stride])
            if style == "apart":
                node("Reshape", f"{name} flat.{kind}", f"{name}.flat")
        if style == "together":
            node("Concat", f"box.{level} class.{level}", f"both.{level}", axis=1)
            node("Reshape", f"both.{level} flat.both", f"both.{level}.flat")
    if style == "apart":
        for kind in ("box", "class"):
            node("Concat", f"{kind}.0.flat {kind}.1.flat", kind, axis=2)
    else:
        node("Concat", "both.0.flat both.1.flat", "both", axis=2)
        node("Split", "both both.sizes", "box class", axis=1)
    node("Reshape", "box by.bin", "dfl.bins")
    node("Transpose", "dfl.bins", "dfl.first", perm=[0, 2, 1, 3])
    node("Softmax", "dfl.first", "dfl.shares", axis=1)
    node("Conv", "dfl.shares bins", "dfl.mean")
    node("Reshape", "dfl.mean by.side", "sides")
    if slicing == "Slice":
        node("Slice", "sides 0 2 1", "before")
        node("Slice", "sides 2 4 1", "behind")
    else:
        node("Split", "sides half", "before behind", axis=1)
    node("Sub", "anchors before", "low")
    node("Add", "anchors behind", "high")
    node("Add", "low high", "sum")
    node("Div", "sum two", "centre")
    node("Sub", "low high" if tail == "backwards" else "high low", "size")
    node("Concat", "low high" if tail == "corners" else "centre size", "cells", axis=1)
    node("Mul", "cells strides", "boxes")
    node("Softmax" if tail == "one class" else "Sigmoid", "class", "scores")
    node("Concat", "boxes scores", "output0", axis=1)
    anchors = constants["anchors"].shape[2]
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + CLASSES, anchors])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def write(path: Path, model: ModelProto) -> Path:
    size = {"size": [HEIGHT, WIDTH], "stride": 16}
    helper.set_model_props(model, description(input=size))
    onnx.save(model, path)
    return path


def _grid() -> dict[str, Array]:
    anchors, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: HEIGHT // stride, : WIDTH // stride].astype(np.float32)
        anchors.append(np.stack([columns.ravel(), rows.ravel()]) + np.float32(0.5))
        strides.append(np.full(rows.size, stride, dtype=np.float32))
    return {
        "anchors": np.concatenate(anchors, axis=1)[None],
        "strides": np.concatenate(strides)[None],
    }
