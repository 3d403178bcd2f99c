"""Boxes and class probabilities of all anchors, from the raw outputs of a model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

_SCORES, _DISTANCES = "scores.", "distances."
_LARGEST_LOGARITHM = 6.0


def rows(outputs: Mapping[str, Any]) -> np.ndarray:
    """Shape (anchors, 4 + classes): centre, width and height in pixels, then probabilities.

    The outputs are in YOLOv8's form, one array (1, 4 + classes, anchors), or in Spotter's: for each
    stride S the class logits ``scores.S`` and the logarithms of distances ``distances.S``.
    """
    strides = [name.removeprefix(_SCORES) for name in outputs if name.startswith(_SCORES)]
    if not strides:
        return np.asarray(next(iter(outputs.values()))[0].T)
    return np.concatenate(
        [_level(outputs[_SCORES + s][0], outputs[_DISTANCES + s][0], int(s)) for s in strides]
    )


def _level(logits: np.ndarray, logarithms: np.ndarray, stride: int) -> np.ndarray:
    classes, height, width = logits.shape
    probabilities = 1 / (1 + np.exp(-logits))
    left, up, right, down = np.exp(np.minimum(logarithms, _LARGEST_LOGARITHM))
    y, x = np.mgrid[:height, :width] + 0.5
    sides = [x + (right - left) / 2, y + (down - up) / 2, left + right, up + down]
    boxes = np.stack(sides).reshape(4, -1) * stride
    return np.concatenate([boxes, probabilities.reshape(classes, -1)]).T
