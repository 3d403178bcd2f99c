"""Whether detections are those that a reference names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Box = Sequence[float]
"""x, y, width, height."""

IOU, PROBABILITY = 0.9, 0.05


@dataclass(frozen=True)
class Expected:
    label: str
    probability: float
    box: Box | None = None
    """None where the reference gives none."""

    def is_met_by(self, found: dict[str, Any]) -> bool:
        return (
            found["label"] == self.label
            and abs(found["probability"] - self.probability) <= PROBABILITY
            and (self.box is None or overlap(found["boundingBox"], self.box) > IOU)
        )


def missing(expected: Iterable[Expected], found: Iterable[dict[str, Any]]) -> list[Expected]:
    """Those that no detection meets; one detection meets one of them at most."""
    left = list(found)
    unmet = []
    for wanted in expected:
        match = next((item for item in left if wanted.is_met_by(item)), None)
        if match is None:
            unmet.append(wanted)
        else:
            left.remove(match)
    return unmet


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def read_row(text: str) -> list[Expected]:
    """Such as "person .905 [671,384,810,880], .828, dog .5": corners, a label for all behind it."""
    found = []
    label = ""
    for name, score, corners in re.findall(r"([a-z][a-z ]*?)? ?(\.\d{3})(?: \[([\d,]+)\])?", text):
        label = name or label
        box = None
        if corners:
            x1, y1, x2, y2 = (float(value) for value in corners.split(","))
            box = (x1, y1, x2 - x1, y2 - y1)
        found.append(Expected(label, float(score), box))
    return found
