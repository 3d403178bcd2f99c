"""Arithmetic on boxes given as left, top, right, bottom."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EPS = 1e-7


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes ``[..., 4]``, broadcast against each other."""
    overlap = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(
        min=0
    )
    shared = overlap.prod(-1)
    return shared / (area(a) + area(b) - shared + EPS)


def area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def complete_iou(a: Tensor, b: Tensor) -> Tensor:
    """Pairwise CIoU of boxes ``[n, 4]`` (Zheng et al., 2020, arXiv:1911.08287)."""
    overlap = iou(a, b)
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    diagonal = hull.square().sum(-1) + EPS
    apart = ((a[..., :2] + a[..., 2:]) - (b[..., :2] + b[..., 2:])).square().sum(-1) / 4
    size_a = (a[..., 2:] - a[..., :2]).clamp(min=EPS)
    size_b = (b[..., 2:] - b[..., :2]).clamp(min=EPS)
    angle_a = torch.atan(size_a[..., 0] / size_a[..., 1])
    angle_b = torch.atan(size_b[..., 0] / size_b[..., 1])
    shape = (4 / math.pi**2) * (angle_a - angle_b).square()
    with torch.no_grad():
        weight = shape / (1 - overlap + shape + EPS)
    return overlap - apart / diagonal - weight * shape
