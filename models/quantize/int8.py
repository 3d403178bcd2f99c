"""Static int8 in QDQ form: weights by channel, activations by tensor, the delicate parts in float.

What was found by measuring YOLOv8n and YOLO11n (mAP on 200 COCO photos, one thread with VNNI):

- Whatever follows the last convolutions decodes boxes and stays float, and so do the last
  convolutions of the box branches.
- Class logits lose nothing as bytes where the byte's range begins at -8, a probability of 0.0003;
  calibrated, it begins at -50, and the steps are far too wide.
- SiLU is all but 0 below -6, yet its inputs reach down to -30: the same again.
- The convolution on the picture itself has three channels, with which int8 is no faster.
- Softmax and products of matrices (attention) are few, and slower as bytes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.common.commands import require
from models.quantize.calibration import Ranges
from models.quantize.network import Network, Node

Target = Literal["x86-vnni", "x86-avx2", "arm64"]

KEPT_IN_FLOAT = (
    "the last convolutions of boxes",
    "the last convolutions",
    "the last two convolutions",
)
"""By the ``float_depth`` of ``layers``, from little to much; always the first convolution, too."""

_OPERATORS = frozenset(
    {
        "Conv", "Sigmoid", "Mul", "Add", "Concat", "Split", "MaxPool", "Resize", "Relu",
        "LeakyRelu", "AveragePool", "GlobalAveragePool", "Reshape", "Transpose", "Slice",
    }
)  # fmt: skip
_LEAST_GATED = -6.0
_LEAST_LOGIT = -8.0


@dataclass(frozen=True)
class _Types:
    activation: str
    reduced: bool
    """Weights of 7 bits, where two products of bytes are added in 16 bits and would overflow."""


_TYPES: dict[Target, _Types] = {
    "x86-vnni": _Types("QUInt8", reduced=False),
    "x86-avx2": _Types("QUInt8", reduced=True),
    "arm64": _Types("QInt8", reduced=False),
}


def layers(network: Network, float_depth: int = 0) -> list[Node]:
    """The nodes to quantise.

    More of the head is left in float the higher ``float_depth``: see KEPT_IN_FLOAT.
    """
    depths = network.convolutions_after
    delicate: set[str] = set()
    chosen = []
    for node in network.nodes:
        depth = depths[node.name]
        if delicate.intersection(node.input):
            delicate.update(node.output)
            continue
        if node.op_type == "Conv" and depth is not None:
            logits = depth == 0 and network.is_squashed(node)
            if depth < float_depth or (depth == 0 and not logits):
                delicate.update(node.output)
                continue
        scaled = node.op_type == "Mul" and not network.constants.isdisjoint(node.input)
        if node.op_type not in _OPERATORS or depth is None or scaled or node.name in network.stem:
            continue
        chosen.append(node)
    return chosen


def tensors(network: Network) -> list[str]:
    """Those whose range has to be known."""
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
    result = quantizer.model.model
    _measure_bytes(result)
    return result


def _narrow(network: Network, ranges: Ranges) -> Ranges:
    narrowed = dict(ranges)
    for name, (low, high) in ranges.items():
        producer = network.producers.get(name)
        if network.is_gated(name):
            narrowed[name] = max(low, _LEAST_GATED), high
        elif producer is None:
            continue
        elif producer.op_type == "Sigmoid":
            narrowed[name] = 0.0, 1.0
        elif producer.op_type == "Conv" and network.is_squashed(producer):
            narrowed[name] = max(low, _LEAST_LOGIT), high
    return narrowed


def _measure_bytes(model: Any) -> None:
    """Let what asks for a tensor's shape look at its bytes: else all are made floats for it."""
    network = Network(model)
    for node in network.nodes:
        source = network.producers.get(node.input[0]) if node.op_type == "Shape" else None
        if source is not None and source.op_type == "DequantizeLinear":
            node.input[0] = source.input[0]
