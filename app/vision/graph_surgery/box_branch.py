"""Finds the convolutions between a feature map and its box logits in a graph."""

import numpy as np

from app.vision.arrays import Floats
from app.vision.graph_surgery.onnx_graph import Graph
from app.vision.graph_surgery.sparse_convolution import BoxBranch, Convolution

_SIZES = (1, 3)
_MOST = 8
"""Most convolutions in a branch. A broken graph may contain a cycle."""
_QUANTIZING = frozenset({"QuantizeLinear", "DequantizeLinear"})


def read(graph: Graph, logits: str) -> tuple[str, BoxBranch] | None:
    """The feature map that ``logits`` are computed from, and the convolutions in between.

    The branch begins at the last tensor that other nodes use as well. For a quantised graph it has
    the rounded weights but computes in floats. None if the last node before ``logits`` is not a
    plain convolution.
    """
    layers: list[Convolution] = []
    tensor: str | None = logits
    feature = ""
    while tensor is not None and len(layers) < _MOST:
        found = _convolution(graph, tensor, silu=bool(layers))
        if found is None:
            break
        before, layer = found
        if layers and layer.channels_out != layers[-1].channels_in:
            break
        feature = before
        layers.append(layer)
        tensor = _before_silu(graph, feature)
    return (feature, BoxBranch(layers[::-1])) if layers else None


def _convolution(graph: Graph, tensor: str, *, silu: bool) -> tuple[str, Convolution] | None:
    """The input of the convolution that produces ``tensor``, and the convolution."""
    node = graph.producer(tensor)
    if node is None or node.operator != "Conv":
        return None
    before, *constants = filter(None, node.inputs)
    kernel, *biases = (_floats(graph, name) for name in constants)
    if kernel is None or kernel.ndim != 4:
        return None
    channels, _, size, other = kernel.shape
    bias = biases[0] if biases else np.zeros(channels, dtype=np.float32)
    if bias is None or bias.shape != (channels,):
        return None
    if size != other or size not in _SIZES or not _is_plain(graph.integers(node), size):
        return None
    return before, Convolution.of(kernel, bias, silu=silu)


def _is_plain(attributes: dict[str, list[int]], size: int) -> bool:
    """Whether the output has the size of the input; ``auto_pad`` excludes ``pads``."""
    steps = [*attributes.get("strides", []), *attributes.get("dilations", [])]
    pads = attributes.get("pads", [0])
    return {*steps, *attributes.get("group", [1])} <= {1} and set(pads) == {size // 2}


def _before_silu(graph: Graph, tensor: str) -> str | None:
    """The tensor whose SiLU is ``tensor``; None if it is no SiLU or several nodes use it."""
    for name in (made := _unquantizing(graph, tensor)):
        if graph.users(name) != 1:
            return None
    product = graph.producer(made[-1])
    if product is None or product.operator != "Mul":
        return None
    for value, factor in (product.inputs, product.inputs[::-1]):
        sigmoid = graph.producer(_unquantized(graph, factor))
        value = _unquantized(graph, value)
        if sigmoid is not None and sigmoid.operator == "Sigmoid":
            return value if _unquantized(graph, sigmoid.inputs[0]) == value else None
    return None


def _unquantized(graph: Graph, tensor: str) -> str:
    return _unquantizing(graph, tensor)[-1]


def _unquantizing(graph: Graph, tensor: str) -> list[str]:
    """``tensor``; if it was quantised and dequantised, also its bytes and their source."""
    found = [tensor]
    while len(found) < 3 and (node := graph.producer(found[-1])) is not None:
        if node.operator not in _QUANTIZING:
            break
        found.append(node.inputs[0])
    return found


def _floats(graph: Graph, tensor: str) -> Floats | None:
    """The constant ``tensor``, dequantised if it is quantised along its first axis."""
    node = graph.producer(tensor)
    if node is None or node.operator != "DequantizeLinear":
        return _constant(graph, tensor)
    steps, scale, *zeros = (_constant(graph, name) for name in filter(None, node.inputs))
    zero = zeros[0] if zeros else np.zeros(1, dtype=np.float32)
    if steps is None or scale is None or zero is None or max(scale.ndim, zero.ndim) > 1:
        return None
    sizes = {scale.size, zero.size}
    if sizes != {1} and (graph.integers(node).get("axis") != [0] or not sizes <= {1, len(steps)}):
        return None
    column = (-1,) + (1,) * (steps.ndim - 1)
    return (steps - zero.reshape(column)) * scale.reshape(column)


def _constant(graph: Graph, tensor: str) -> Floats | None:
    found = graph.constant(tensor)
    return None if found is None else found.astype(np.float32, copy=False)
