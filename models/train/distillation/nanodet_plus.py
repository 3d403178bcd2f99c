"""NanoDet-Plus as a teacher.

Each of its levels ends in one convolution, with the class logits and a distribution for every side
of the box (Distribution Focal Loss, arXiv:2006.04388). What a file computes from these differs from
export to export, and is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import onnx
import torch
from torch import Tensor
from torch.nn import functional

from models.common.network import Network, Node, with_names
from models.train.distillation.form import Answer, Form
from models.train.net import STRIDES, Raw

_STRIDES = (*STRIDES, 2 * STRIDES[-1])
_BRANCH = frozenset({"Conv", "BatchNormalization", "LeakyRelu", "Relu", "HardSwish"})
"""Operators between a map of the neck and the end of its level."""
_FEWEST_BINS = 4
_SHARPNESS, _SHIFT = 2.0, -1.0
"""Scale and offset of the class logits (Platt scaling), fitted to the target scores of labels.

Its scores are low for objects and high for background: as they are, their cross-entropy to these
targets is several times that of YOLOX's scores; so scaled, it is the same.
"""


def find(model: onnx.ModelProto, classes: int) -> Form | None:
    """None for a graph of another family. The levels are found in no particular order."""
    network = Network(with_names(model))
    ends = [
        node
        for node in network.nodes
        if node.op_type == "Conv" and network.convolutions_after[node.name] == 0
    ]
    channels = {each.name: each.dims[0] for each in model.graph.initializer if each.dims}
    if len(ends) != len(_STRIDES):
        return None
    if not all(_ends_level(channels.get(end.input[1]), classes) for end in ends):
        return None
    outputs = tuple(end.output[0] for end in ends)
    maps = tuple(_start(network, end) for end in ends)
    return Form(outputs, maps, partial(answer, classes=classes))


def answer(outputs: Sequence[Tensor], raw: Raw, *, classes: int) -> Answer:
    """``outputs`` are ``[batch, classes + 4 * bins, height, width]``, one per level."""
    fine_first = sorted(outputs, key=lambda level: -level.shape[-2] * level.shape[-1])
    levels = [
        _between_points(_scores(level[:, :classes]), _boxes(level[:, classes:], stride))
        for level, stride in zip(fine_first, _STRIDES, strict=True)
    ]
    levels[-2:] = [_with_coarser(*levels[-2:])]
    scores, boxes = (
        torch.cat([part.flatten(2) for part in parts], 2).transpose(1, 2)
        for parts in zip(*levels, strict=True)
    )
    return Answer(scores, boxes)


def _ends_level(channels: int | None, classes: int) -> bool:
    """Whether a convolution with so many channels, None if unknown, has logits and bins."""
    if channels is None:
        return False
    bins, rest = divmod(channels - classes, 4)
    return rest == 0 and bins >= _FEWEST_BINS


def _start(network: Network, end: Node) -> str:
    """The map that the level of ``end`` starts from: the first that its branch does not compute."""
    tensor = end.input[0]
    while (node := network.producers.get(tensor)) is not None and node.op_type in _BRANCH:
        tensor = node.input[0]
    return str(tensor)


def _scores(logits: Tensor) -> Tensor:
    return (_SHARPNESS * logits + _SHIFT).sigmoid()


def _boxes(distributions: Tensor, stride: int) -> Tensor:
    """Left, top, right, bottom ``[batch, 4, height, width]`` in pixels.

    The points are the upper left corners of the cells.
    """
    bins = distributions.unflatten(1, (4, -1)).softmax(2)
    values = torch.arange(bins.shape[2], dtype=bins.dtype, device=bins.device)
    left, top, right, bottom = torch.einsum("nsbhw,b->nshw", bins, values).mul(stride).unbind(1)
    height, width = left.shape[1:]
    y = torch.arange(height, device=left.device)[:, None] * stride
    x = torch.arange(width, device=left.device) * stride
    return torch.stack((x - left, y - top, x + right, y + bottom), 1)


def _between_points(scores: Tensor, boxes: Tensor) -> Answer:
    """At the centres of the cells, where the student's anchors are; shapes are kept.

    A centre gets the mean of the scores at the four corners around it, and the box of the best.
    """
    corners = [
        functional.pad(torch.cat((scores, boxes), 1), (0, 1, 0, 1), mode="replicate")[
            :, :, row : row + scores.shape[2], column : column + scores.shape[3]
        ]
        for row in (0, 1)
        for column in (0, 1)
    ]
    classes = scores.shape[1]
    near = torch.stack(corners)
    best = near[:, :, :classes].amax(2).argmax(0)[None, :, None].expand(1, -1, 4, -1, -1)
    return Answer(near[:, :, :classes].mean(0), near[:, :, classes:].gather(0, best)[0])


def _with_coarser(fine: Answer, coarse: Answer) -> Answer:
    """Joins the level of stride 64, which the student does not have, with that of stride 32."""
    height, width = fine.scores.shape[2:]
    scores, boxes = (
        functional.interpolate(part, scale_factor=2.0)[:, :, :height, :width] for part in coarse
    )
    surer = scores.amax(1, keepdim=True) > fine.scores.amax(1, keepdim=True)
    return Answer(torch.maximum(fine.scores, scores), torch.where(surer, boxes, fine.boxes))
