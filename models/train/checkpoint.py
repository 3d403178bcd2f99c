"""Checkpoints for resuming a run, and the averaged weights that are evaluated."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import torch

from models.train.net import Architecture, Detector


class Average:
    """Exponential moving average of the weights; early averages adapt faster."""

    def __init__(self, detector: Detector, decay: float = 0.999) -> None:
        self.detector = deepcopy(detector).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    def update(self, detector: Detector) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        own, new = self.detector.state_dict(), detector.state_dict()
        floats = [name for name, value in own.items() if value.dtype.is_floating_point]
        with torch.no_grad():
            torch._foreach_lerp_([own[n] for n in floats], [new[n] for n in floats], 1 - decay)


def save(path: Path, state: dict[str, Any]) -> None:
    """Saves atomically."""
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def restore(path: Path, device: torch.device) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state


class Begun(NamedTuple):
    """How a run was begun, by its checkpoint."""

    architecture: Architecture
    settings: dict[str, Any]
    """As in ``Settings``; empty in older checkpoints."""


def begun(path: Path) -> Begun:
    state = restore(path, torch.device("cpu"))
    return Begun(Architecture.model_validate(state["architecture"]), state.get("settings", {}))
