"""Static int8 in QDQ form: weights per channel, activations per tensor, sensitive parts in float.

Measurements on YOLOv8n and YOLO11n (mAP on 200 COCO photos, one thread with VNNI) led to this:

- The nodes after the last convolutions decode boxes and stay in float; so do the last convolutions
  of the box branches.
- Class logits lose no accuracy in int8 if their range begins at -8, a probability of 0.0003. A
  calibrated range begins at -50, and its steps are far too wide.
- SiLU is close to 0 below -6, but its inputs go down to -30, so their range begins at -6.
- The first convolution has only three input channels, and int8 makes it no faster.
- Softmax and matrix products (attention) are few, and slower in int8.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.common.commands import require
from models.common.network import Network, Node
from models.quantize.calibration import Ranges

Target = Literal["x86-vnni", "x86-avx2", "arm64"]

KEPT_IN_FLOAT = (
    "the last convolutions of boxes",
    "the last convolutions",
    "the last two convolutions",
)
"""Parts that stay in float, by the ``float_depth`` of ``layers``, besides the first convolution."""

_OPERATORS = frozenset(
    {
        "Conv", "Sigmoid", "Mul", "Add", "Concat", "Split", "MaxPool", "Resize", "Relu",
        "LeakyRelu", "AveragePool", "GlobalAveragePool", "Reshape", "Transpose", "Slice",
    }
)  # fmt: skip
_MIN_SILU_INPUT = -6.0
_MIN_CLASS_LOGIT = -8.0


@dataclass(frozen=True)
class _Types:
    activation: str
    reduced: bool
    """Whether to use 7-bit weights, since sums of two products could overflow 16 bits."""


_TYPES: dict[Target, _Types] = {
    "x86-vnni": _Types("QUInt8", reduced=False),
    "x86-avx2": _Types("QUInt8", reduced=True),
    "arm64": _Types("QInt8", reduced=False),
}


def layers(network: Network, float_depth: int = 0) -> list[Node]:
    """The nodes to quantise; ``float_depth`` is how much of the head stays in float."""
    depths = network.convolutions_after
    sensitive: set[str] = set()
    chosen = []
    for node in network.nodes:
        depth = depths[node.name]
        if sensitive.intersection(node.input):
            sensitive.update(node.output)
            continue
        if node.op_type == "Conv" and depth is not None:
            logits = depth == 0 and network.is_logits(node)
            if depth < float_depth or (depth == 0 and not logits):
                sensitive.update(node.output)
                continue
        scaled = node.op_type == "Mul" and not network.constants.isdisjoint(node.input)
        if node.op_type not in _OPERATORS or depth is None or scaled or node.name in network.stem:
            continue
        chosen.append(node)
    return chosen


def tensors(network: Network) -> list[str]:
    """Names of the tensors whose ranges are needed."""
    names = [name for node in layers(network) for name in (*node.input[:], *node.output)]
    return [name for name in dict.fromkeys(names) if name and name not in network.constants]


def quantize(model: Any, ranges: Ranges, target: Target, float_depth: int = 0) -> Any:
    quantization = require("onnxruntime.quantization")
    calibrate = require("onnxruntime.quantization.calibrate")
    copy = require("onnx").ModelProto()
    copy.CopyFrom(model)
    network = Network(copy)
    types = _TYPES[target]
    quantizer = quantization.QDQQuantizer(
        copy,
        per_channel=True,
        reduce_range=types.reduced,
        weight_qType=quantization.QuantType.QInt8,
        activation_qType=quantization.QuantType[types.activation],
        tensors_range=calibrate.TensorsData(
            calibrate.CalibrationMethod.MinMax,
            {
                name: (np.float32(low), np.float32(high))
                for name, (low, high) in _narrow(network, ranges).items()
            },
        ),
        nodes_to_quantize=[node.name for node in layers(network, float_depth)],
        nodes_to_exclude=[],
        op_types_to_quantize=sorted(_OPERATORS),
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    result = quantizer.model.model
    _read_shapes_of_int8(result)
    return result


def _narrow(network: Network, ranges: Ranges) -> Ranges:
    narrowed = dict(ranges)
    for name, (low, high) in ranges.items():
        producer = network.producers.get(name)
        if network.is_silu_input(name):
            narrowed[name] = max(low, _MIN_SILU_INPUT), high
        elif producer is None:
            continue
        elif producer.op_type == "Sigmoid":
            narrowed[name] = 0.0, 1.0
        elif producer.op_type == "Conv" and network.is_logits(producer):
            narrowed[name] = max(low, _MIN_CLASS_LOGIT), high
    return narrowed


def _read_shapes_of_int8(model: Any) -> None:
    """Lets Shape nodes read int8 tensors, which would otherwise be converted to float first."""
    network = Network(model)
    for node in network.nodes:
        source = network.producers.get(node.input[0]) if node.op_type == "Shape" else None
        if source is not None and source.op_type == "DequantizeLinear":
            node.input[0] = source.input[0]
