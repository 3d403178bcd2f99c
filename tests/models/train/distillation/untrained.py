"""A student that has learnt nothing yet."""

from __future__ import annotations

import torch

from models.train.net import Architecture, Detector, Raw

LABELS = ("dog", "person", "car")
WIDTH = 8


def student(classes: int = len(LABELS)) -> Detector:
    torch.manual_seed(0)
    widths = (WIDTH,) * 5
    return Detector(Architecture(widths=widths, depths=(1, 1, 1, 1), neck=WIDTH, classes=classes))


def answer(images: torch.Tensor, classes: int = len(LABELS)) -> Raw:
    raw: Raw = student(classes).eval()(images)
    return raw
