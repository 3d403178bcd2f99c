"""Stores weights as float16: half the file size, the same arithmetic.

ONNX Runtime converts them to float32 once, when the file is loaded.
"""

from typing import Any

import numpy as np

from models.common.commands import CommandError, require

SUFFIX = ".half"
"""Suffix of the name of a float16 weight; without it, the name is that of the float32 weight."""
_MIN_ELEMENTS = 256
"""Smaller tensors are shapes, scales and biases."""


def halve(model: Any) -> Any:
    """A copy of ``model`` with float16 weights. Raises CommandError if a weight does not fit."""
    onnx = require("onnx")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    casts = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < _MIN_ELEMENTS:
            continue
        if np.abs(values).max() > np.finfo(np.float16).max:
            raise CommandError(f"The weights {tensor.name} do not fit into half precision.")
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), name + SUFFIX))
        casts.append(
            onnx.helper.make_node(
                "Cast", [tensor.name], [name], f"{name}.widen", to=onnx.TensorProto.FLOAT
            )
        )
    if not casts:
        raise CommandError("The model has no float32 weights.")
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return result
