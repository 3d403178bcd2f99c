"""Weights in half precision: half the file, the same arithmetic.

ONNX Runtime widens them once, when it loads the file.
"""

from typing import Any

import numpy as np

from models.common.commands import CommandError, require

SUFFIX = ".half"
"""What the name of a weight ends in where it is stored so; without, it is the widened one."""
_LEAST_NUMBERS = 256
"""Smaller tensors are shape arithmetic, scales and biases."""


def halve(model: Any) -> Any:
    """Raises CommandError where a weight does not fit."""
    onnx = require("onnx")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    casts = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < _LEAST_NUMBERS:
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
        raise CommandError("It has no float32 weights.")
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return result
