"""The convolutions of a graph that make logits of a feature map, for ``heads.sparse`` to run."""

import numpy as np

from app.vision.arrays import Floats
from app.vision.heads.sparse import Branch, Convolution
from app.vision.onnx_graph import Graph

_SIZES = (1, 3)
_QUANTIZING = frozenset({"QuantizeLinear", "DequantizeLinear"})


def read(graph: Graph, logits: str) -> tuple[str, Branch] | None:
    """The feature map, which other nodes use as well, and what makes ``logits`` of it.

    Of quantised graphs in floats: its weights are the rounded ones, what flows is not rounded.
    None where ``logits`` come from anything else than plain convolutions with SiLU between them.
    """
    layers: list[Convolution] = []
    tensor: str | None = logits
    feature = ""
    while tensor is not None:
        found = _convolution(graph, tensor, silu=bool(layers))
        if found is None:
            break
        before, layer = found
        if layers and layer.channels_out != layers[-1].channels_in:
            break
        feature = before
        layers.append(layer)
        tensor = _before_silu(graph, feature)
    return (feature, Branch(layers[::-1])) if layers else None


def _convolution(graph: Graph, tensor: str, *, silu: bool) -> tuple[str, Convolution] | None:
    """With what goes into it."""
    node = graph.producer(tensor)
    if node is None or node.operator != "Conv":
        return None
    weights = _floats(graph, node.inputs[1])
    bias = _floats(graph, node.inputs[2]) if len(node.inputs) > 2 else None
    if weights is None or weights.ndim != 4:
        return None
    channels, _, size, other = weights.shape
    if len(node.inputs) < 3:
        bias = np.zeros(channels, dtype=np.float32)
    if bias is None or bias.shape != (channels,):
        return None
    if size != other or size not in _SIZES or not _is_plain(graph.integers(node), size):
        return None
    by_tap = np.ascontiguousarray(weights.transpose(2, 3, 1, 0).reshape(-1, channels))
    return node.inputs[0], Convolution(by_tap, bias, size, silu)


def _is_plain(attributes: dict[str, list[int]], size: int) -> bool:
    """Stride 1, and a map as large as before; so whatever ``auto_pad`` says changes nothing."""
    steps = [*attributes.get("strides", []), *attributes.get("dilations", [])]
    pads = attributes.get("pads", [0])
    return {*steps, *attributes.get("group", [1])} <= {1} and set(pads) == {size // 2}


def _before_silu(graph: Graph, tensor: str) -> str | None:
    """What ``tensor`` is SiLU of, where one node alone has use for that."""
    while graph.users(tensor) == 1 and (node := graph.producer(tensor)) is not None:
        if node.operator not in _QUANTIZING:
            break
        tensor = node.inputs[0]
    product = graph.producer(tensor)
    if graph.users(tensor) != 1 or product is None or product.operator != "Mul":
        return None
    for value, factor in (product.inputs, product.inputs[::-1]):
        sigmoid = graph.producer(_unquantized(graph, factor))
        value = _unquantized(graph, value)
        if sigmoid is not None and sigmoid.operator == "Sigmoid":
            return value if _unquantized(graph, sigmoid.inputs[0]) == value else None
    return None


def _unquantized(graph: Graph, tensor: str) -> str:
    while (node := graph.producer(tensor)) is not None and node.operator in _QUANTIZING:
        tensor = node.inputs[0]
    return tensor


def _floats(graph: Graph, tensor: str) -> Floats | None:
    """A constant, as it is or quantised along its first axis."""
    node = graph.producer(tensor)
    if node is None or node.operator != "DequantizeLinear":
        return _constant(graph, tensor)
    steps, scale = _constant(graph, node.inputs[0]), _constant(graph, node.inputs[1])
    zero = _constant(graph, node.inputs[2]) if len(node.inputs) > 2 else np.zeros(1, np.float32)
    if steps is None or scale is None or zero is None:
        return None
    axis = graph.integers(node).get("axis", [1])
    if {scale.size, zero.size} != {1} and (
        axis != [0] or {scale.size, zero.size} > {1, len(steps)}
    ):
        return None
    column = (-1,) + (1,) * (steps.ndim - 1)
    return (steps - zero.reshape(column)) * scale.reshape(column)


def _constant(graph: Graph, tensor: str) -> Floats | None:
    found = graph.constant(tensor)
    return None if found is None else found.astype(np.float32)
