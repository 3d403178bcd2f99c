"""Prepares a model for int8: folds constants and replaces a slow part with a faster one."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime

from models.common.commands import CommandError, require
from models.common.network import Network, Node, with_names

_OPSET = 17
_MIN_OPSET = 13
"""The first opset with per-channel scales."""
_QUANTIZED = frozenset({"QLinearConv", "ConvInteger", "DequantizeLinear", "MatMulInteger"})
_DISTRIBUTION = ["Reshape", "Transpose", "Conv", "Reshape"]
"""Operators around the softmax of a box distribution (DFL)."""
_MAX_EXPONENT = 80.0
"""Sums of exp(80) are far below the largest float32."""


def prepare(path: Path) -> Any:
    """Returns a ModelProto. Raises CommandError if the model is quantised or not float32."""
    onnx = require("onnx")
    source = onnx.load(path)
    if any(node.op_type in _QUANTIZED for node in source.graph.node):
        raise CommandError(f"{path} is already quantised; use its float32 file.")
    if source.opset_import[0].version < _MIN_OPSET:
        source = onnx.version_converter.convert_version(source, _OPSET)
    model = with_names(_fold(source))
    weights = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    if not convolutions:
        raise CommandError(f"{path} has no convolutions to quantise.")
    if any(weights.get(node.input[1]) != onnx.TensorProto.FLOAT for node in convolutions):
        raise CommandError(f"{path} does not compute in float32; use its float32 file.")
    _speed_up_distributions(model)
    return model


def _fold(model: Any) -> Any:
    """Computes constants; folds normalisation and float16 weights into float32 weights."""
    onnx = require("onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return onnx.load(options.optimized_model_filepath)


def _speed_up_distributions(model: Any) -> None:
    """Replaces the softmax of box distributions (DFL), which took a tenth of the int8 model's time.

    Before: ``[1, 4 * bins, n]`` is reshaped and transposed, followed by a softmax over the bins and
    a convolution with the value of each bin. After: exp, then one matrix product that computes both
    the weighted and the plain sums of exponentials, then their quotient. The result is unchanged.
    """
    network = Network(model)
    for softmax in [node for node in network.nodes if node.op_type == "Softmax"]:
        chain = _distribution(network, softmax)
        if chain is not None:
            _replace(network, *chain)
            _drop_unused(model)


def _distribution(network: Network, softmax: Node) -> tuple[Node, Node, Node] | None:
    """The reshape before a box distribution, its convolution and the reshape after it; or None."""
    transpose = network.producers.get(softmax.input[0])
    reshape = network.producers.get(transpose.input[0]) if transpose is not None else None
    after = list(network.after(softmax))
    behind = list(network.after(after[0])) if len(after) == 1 else []
    if transpose is None or reshape is None:
        return None
    if [node.op_type for node in (reshape, transpose, *after, *behind)] != _DISTRIBUTION:
        return None
    axis = next((entry.i for entry in softmax.attribute if entry.name == "axis"), -1)
    order = [list(entry.ints) for entry in transpose.attribute if entry.name == "perm"]
    shape = _weights(network, after[0]).shape
    biased = len(after[0].input) > 2
    if axis != 1 or order != [[0, 2, 1, 3]] or shape != (1, shape[1], 1, 1) or biased:
        return None
    return reshape, after[0], behind[0]


def _weights(network: Network, node: Node) -> Any:
    stored = {tensor.name: tensor for tensor in network.model.graph.initializer}
    return require("onnx").numpy_helper.to_array(stored[node.input[1]])


def _replace(network: Network, reshape: Node, convolution: Node, result: Node) -> None:
    helper, to_tensor = require("onnx").helper, require("onnx").numpy_helper.from_array
    values = _weights(network, convolution).ravel()
    sides = np.eye(4, dtype=np.float32)
    mix = np.concatenate([np.kron(sides, values), np.kron(sides, np.ones_like(values))])
    name = f"{result.name}/mean"
    constants = {
        "mix": mix,
        "low": np.float32(-_MAX_EXPONENT),
        "high": np.float32(_MAX_EXPONENT),
    }
    for key, value in constants.items():
        network.model.graph.initializer.append(to_tensor(np.asarray(value), f"{name}/{key}"))

    def node(kind: str, inputs: list[str], *outputs: str, **attributes: int) -> Node:
        inputs = [entry if entry == reshape.input[0] else f"{name}/{entry}" for entry in inputs]
        outputs = tuple(entry if entry in result.output else f"{name}/{entry}" for entry in outputs)
        return helper.make_node(kind, inputs, outputs, f"{name}/{kind}", **attributes)

    parts = {"num_outputs": 2} if network.model.opset_import[0].version >= 18 else {}
    nodes = network.model.graph.node
    place = list(nodes).index(result)
    del nodes[place]
    for offset, added in enumerate(
        [
            node("Clip", [reshape.input[0], "low", "high"], "clipped"),
            node("Exp", ["clipped"], "exponentials"),
            node("MatMul", ["mix", "exponentials"], "sums"),
            node("Split", ["sums"], "weighted", "plain", axis=1, **parts),
            node("Div", ["weighted", "plain"], result.output[0]),
        ]
    ):
        nodes.insert(place + offset, added)


def _drop_unused(model: Any) -> None:
    nodes = model.graph.node
    used = {value.name for value in model.graph.output}
    for place in reversed(range(len(nodes))):
        if used.isdisjoint(nodes[place].output):
            del nodes[place]
        else:
            used.update(nodes[place].input)
    stored = model.graph.initializer
    for place in reversed(range(len(stored))):
        if stored[place].name not in used:
            del stored[place]
