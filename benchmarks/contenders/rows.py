"""Detections from the raw outputs of a model, as the plain servers compute them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

_SCORES, _DISTANCES = "scores.", "distances."
_LARGEST_LOGARITHM = 6.0

Detection = dict[str, Any]


def detections(outputs: Mapping[str, Any], left: int, top: int, scale: float) -> list[Detection]:
    """Likely objects, the most probable first, with boxes in pixels of the picture.

    The picture lies in the input at ``left``, ``top``, scaled by ``scale``.
    """
    output = rows(outputs)
    boxes = []
    for row in output[output[:, 4:].max(axis=1) > 0.25]:
        best = int(np.argmax(row[4:]))
        x, y, w, h = row[:4]
        box = [(x - w / 2 - left) / scale, (y - h / 2 - top) / scale, w / scale, h / scale]
        boxes.append((float(row[4 + best]), best, [float(v) for v in box]))
    boxes.sort(reverse=True)
    kept: list[tuple[float, int, list[float]]] = []
    for candidate in boxes:
        if all(candidate[1] != other[1] or iou(candidate[2], other[2]) < 0.7 for other in kept):
            kept.append(candidate)
    return [{"probability": p, "classId": c, "boundingBox": b} for p, c, b in kept]


def iou(a: list[float], b: list[float]) -> float:
    """Intersection over union of two boxes x, y, width, height."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


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
