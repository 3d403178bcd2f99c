"""Detectors whose normalisation was folded into the convolutions, as ``models.quantize`` does it.

Training needs the normalisation back. Its scale and shift are gone, but any will do if the
statistics fit: the layer then computes what it did. To learn as any other, its kernel needs its
former size as well: the optimizer's steps have the same size for all kernels, so one that folding
has made fifty times smaller would change fifty times as fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from models.train.net import EPS, Conv, Detector

_KERNEL = re.compile(r"detector\.(.+)\.weight")
"""Part of the name of a kernel, whatever folding and quantising have put around it."""

ROW = 0.33
"""Root mean square of an output channel's kernel in training: about that of every layer, since the
steps of Muon and the decay of weights balance there."""
_EMPTY = 1e-8
"""Root mean square below which a kernel is left as it is."""

Floats = NDArray[np.float32]


def weights_of(graph: onnx.GraphProto) -> dict[str, Tensor]:
    """Weights by their names in ``Detector``; empty if it is not a graph of one."""
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            stored[node.output[0]] = _dequantised(*(stored[name] for name in node.input))
    found: dict[str, Tensor] = {}
    for node in graph.node:
        name = _KERNEL.search(node.input[1]) if node.op_type == "Conv" else None
        if name is None or len(node.input) < 3:
            continue
        layer = name[1]
        kernel, bias = (
            torch.from_numpy(stored[each].astype(np.float32)) for each in node.input[1:]
        )
        found[f"{layer}.weight"] = kernel
        if layer.endswith(".out"):
            found[f"{layer}.bias"] = bias
        else:
            found |= _identity(layer.removesuffix("conv") + "norm", bias)
    return found


def lacks_statistics(weights: Mapping[str, Tensor]) -> bool:
    """Whether each normalisation only adds something, as in ``weights_of``."""
    spreads = [value for name, value in weights.items() if name.endswith("norm.running_var")]
    return all(torch.equal(spread, torch.ones_like(spread) - EPS) for spread in spreads)


def restore(detector: Detector, batches: Iterable[Tensor]) -> None:
    """Gives each normalisation the statistics that ``batches`` show, and each kernel its size.

    The output does not change.
    ``batches`` are training pictures, RGB from 0 to 1 ``[batch, 3, height, width]``.
    """
    layers = [module for module in detector.modules() if isinstance(module, Conv)]
    for layer in layers:
        _resize(layer)
    sums = [torch.zeros(3, layer.norm.num_features, dtype=torch.float64) for layer in layers]
    hooks = [
        layer.conv.register_forward_hook(partial(_add, total))
        for layer, total in zip(layers, sums, strict=True)
    ]
    detector.eval()
    with torch.no_grad():
        for images in batches:
            detector(images)
    for hook in hooks:
        hook.remove()
    for layer, (count, total, squares) in zip(layers, sums, strict=True):
        mean = total / count
        _renormalise(layer.norm, mean.float(), (squares / count - mean**2).clamp(min=0.0).float())


def _resize(layer: Conv) -> None:
    """Gives each channel's kernel the size ROW; its normalisation makes up for the factor."""
    with torch.no_grad():
        size = layer.conv.weight.square().mean((1, 2, 3)).sqrt()
        factor = torch.where(size > _EMPTY, ROW / size.clamp(min=_EMPTY), 1.0)
        layer.conv.weight.mul_(factor[:, None, None, None])
        layer.norm.weight.div_(factor)


def _add(sums: Tensor, _layer: nn.Module, _inputs: object, output: Tensor) -> None:
    """Adds count, sum and sum of squares of every channel to ``sums`` ``[3, channels]``."""
    values = output.double().cpu()
    sums[0] += values[:, 0].numel()
    sums[1] += values.sum((0, 2, 3))
    sums[2] += values.square().sum((0, 2, 3))


def _renormalise(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Changes the statistics, and scale and shift so that the layer computes what it did."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    before = norm.weight / (norm.running_var + norm.eps).sqrt()
    scale = before * (variance + norm.eps).sqrt()
    shift = norm.bias + before * (mean - norm.running_mean)
    norm.load_state_dict(
        {
            "weight": scale,
            "bias": shift,
            "running_mean": mean,
            "running_var": variance,
            "num_batches_tracked": norm.num_batches_tracked,
        }
    )


def _dequantised(values: Floats, scale: Floats, zero: Floats) -> Floats:
    """The first axis is that of the scales, if there are several."""
    shape = (-1,) + (1,) * (values.ndim - 1)
    centred = values.astype(np.float32) - zero.astype(np.float32).reshape(shape)
    result: Floats = centred * scale.reshape(shape)
    return result


def _identity(norm: str, shift: Tensor) -> dict[str, Tensor]:
    """A normalisation that only adds ``shift``."""
    ones = torch.ones_like(shift)
    return {
        f"{norm}.weight": ones,
        f"{norm}.bias": shift,
        f"{norm}.running_mean": torch.zeros_like(shift),
        f"{norm}.running_var": ones - EPS,
    }
