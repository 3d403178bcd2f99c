"""Keypoints: named points of an object, such as a person's joints."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.vision.arrays import Floats, Ints
from app.vision.preprocess.letterbox import Letterbox

COCO_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
_SKELETON = (
    ("left_ankle", "left_knee"), ("left_knee", "left_hip"), ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"), ("left_hip", "right_hip"), ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"), ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"), ("left_eye", "right_eye"),
    ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"),
    ("right_eye", "right_ear"), ("left_ear", "left_shoulder"), ("right_ear", "right_shoulder"),
)  # fmt: skip
"""Pairs of points that are connected by a line in drawings."""
SURE = 0.5
"""Points with a lower probability are not drawn."""


class Keypoint(NamedTuple):
    name: str
    x: float
    """Position in pixels of the upright picture; ``y`` likewise."""
    y: float
    probability: float | None
    """Probability that the point is visible, 0..1; None if the model does not predict it."""

    @property
    def drawn(self) -> bool:
        return self.probability is None or self.probability >= SURE


class Keypoints(NamedTuple):
    """Keypoints of all candidates."""

    values: Floats
    """(n, points, 2 or 3): x and y in input pixels, and the probability, if predicted."""
    names: tuple[str, ...]

    def take(self, rows: Ints) -> "Keypoints":
        return Keypoints(self.values[rows], self.names)

    def place(self, letterbox: Letterbox) -> list[tuple[Keypoint, ...]]:
        """Maps the points to the picture and clips them to it."""
        limit = np.array([letterbox.width, letterbox.height], dtype=np.float32)
        points = np.clip(letterbox.restore_points(self.values[..., :2]), 0, limit).tolist()
        if self.values.shape[2] == 3:
            sure = np.clip(self.values[..., 2], 0, 1).tolist()
        else:
            sure = [[None] * len(self.names)] * len(points)
        return [
            tuple(
                Keypoint(name, x, y, probability)
                for name, (x, y), probability in zip(self.names, *row, strict=True)
            )
            for row in zip(points, sure, strict=True)
        ]


def bones(points: Sequence[Keypoint]) -> list[tuple[Keypoint, Keypoint]]:
    """Pairs of drawn points to connect by a line; empty unless the points are a person's."""
    by_name = {point.name: point for point in points if point.drawn}
    return [(by_name[a], by_name[b]) for a, b in _SKELETON if a in by_name and b in by_name]


def usual_names(count: int) -> tuple[str, ...]:
    """COCO's names for 17 points; numbers for any other count."""
    if count == len(COCO_NAMES):
        return COCO_NAMES
    return tuple(f"point_{number}" for number in range(1, count + 1))
