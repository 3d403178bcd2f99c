"""Small ONNX files: a constant answer under any signature and metadata."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.vision.arrays import Array

Axes = Sequence[int | str]
DETECT = {"names": "{0: 'cat', 1: 'dog'}", "stride": "32", "task": "detect"}
"""What an Ultralytics exporter writes for two classes."""


def description(**changes: Any) -> dict[str, str]:
    """Spotter's own metadata for two classes and an input of 64 x 64."""
    content = {
        "family": "yolov8",
        "name": "small",
        "labels": ["cat", "dog"],
        "input": {"size": [64, 64]},
    }
    return {"spotter": json.dumps({**content, **changes})}


def write(
    path: Path,
    outputs: Sequence[Array],
    metadata: Mapping[str, str] | None = None,
    *,
    inputs: Mapping[str, Axes] | None = None,
    names: Sequence[str] | None = None,
    declared: Sequence[Axes] | None = None,
    kind: int = TensorProto.FLOAT,
    opset: int = 17,
) -> Path:
    """``declared``: the outputs' axes as the file gives them, where they are not their shapes."""
    inputs = {"images": [1, 3, 64, 64]} if inputs is None else inputs
    names = names or [f"output{index}" for index in range(len(outputs))]
    axes = declared or [output.shape for output in outputs]
    graph = helper.make_graph(
        [helper.make_node("Identity", [f"{name}_value"], [name]) for name in names],
        "constant",
        [
            helper.make_tensor_value_info(
                name, TensorProto.INT64 if name == "orig_target_sizes" else kind, shape
            )
            for name, shape in inputs.items()
        ],
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(output.dtype), shape
            )
            for name, output, shape in zip(names, outputs, axes, strict=True)
        ],
        [
            numpy_helper.from_array(output, f"{name}_value")
            for name, output in zip(names, outputs, strict=True)
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.save(model, path)
    return path


def yolov8_output(classes: int = 2, anchors: int = 3) -> Array:
    return np.zeros((1, 4 + classes, anchors), dtype=np.float32)
