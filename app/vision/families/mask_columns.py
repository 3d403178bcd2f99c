"""Mask coefficients in the last columns of rows; their prototypes are in a second output."""

import numpy as np

from app.vision.arrays import Floats
from app.vision.detections import Candidates
from app.vision.families.base import Declared, Outputs
from app.vision.tasks.masks import Masks
from app.vision.tasks.prototypes import WholePrototypes


def prototypes(declared: Declared) -> tuple[str, int] | None:
    """The second output and its number of prototypes, if it has the shape of prototypes."""
    _, *others = declared.items()
    if len(others) != 1 or len(others[0][1]) != 4 or not others[0][1][1]:
        return None
    return others[0][0], others[0][1][1]


def mask_output(declared: Declared) -> str | None:
    found = prototypes(declared)
    return found[0] if found else None


def with_masks(
    found: Candidates, outputs: Outputs, coefficients: Floats, input_size: tuple[int, int]
) -> Candidates:
    """Adds masks to ``found`` if ``outputs`` include prototypes.

    ``coefficients`` are (n, prototypes).
    """
    if len(outputs) < 2:
        return found
    rows = np.arange(len(coefficients))
    whole = WholePrototypes(outputs[1][0])
    masks = Masks(coefficients.__getitem__, rows, whole, found.boxes, input_size)
    return found._replace(masks=masks)
