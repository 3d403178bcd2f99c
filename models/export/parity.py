"""Measures how much an ONNX file's results differ from those of its PyTorch module."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from app.vision.arrays import Array
from app.vision.detections import Options
from app.vision.detector import Detector
from app.vision.model.load import Model
from app.vision.runtime.session import Session
from models.common.commands import CommandError

Reference = Callable[[Sequence[Array]], Sequence[Array]]
"""Maps inputs to outputs, both in the order of the ONNX file."""

_LEAST_SCORE = 0.01
"""A model with built-in selection picks the last boxes arbitrarily: only boxes whose score is this
far above the lowest are compared."""


class Parity(NamedTuple):
    difference: float
    """The largest difference of all numbers: absolute below 1, relative above."""
    boxes: int
    """Number of boxes compared."""


class _Witness:
    """A session that records its inputs and outputs."""

    def __init__(self, session: Session) -> None:
        self.inputs: list[Array] = []
        self.outputs: list[Array] = []
        self._session = session
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs
        self.get_modelmeta = session.get_modelmeta

    def run(self, output_names: list[str], feed: dict[str, Array]) -> Sequence[Any]:
        self.inputs = list(feed.values())
        self.outputs = list(self._session.run(output_names, feed))
        return self.outputs


def compare(detector: Detector, image: bytes, reference: Reference) -> Parity:
    """Compares the file that ``detector`` runs with ``reference`` on one image.

    Raises CommandError if the outputs differ in shape.
    """
    model = detector.model
    witness = _Witness(model.session)
    Detector(replace(model, session=witness), detector.reader).detect(image, Options())
    expected, found = reference(witness.inputs), witness.outputs
    if not model.family.needs_nms:
        tensor = witness.inputs[0]
        return _by_rows(_rows(model, expected, tensor), _rows(model, found, tensor))
    parts = [_compare(one, other) for one, other in zip(expected, found, strict=False)]
    return Parity(max(part.difference for part in parts), max(part.boxes for part in parts))


def _compare(expected: Array, found: Array) -> Parity:
    if expected.shape != found.shape:
        raise CommandError(
            f"PyTorch answers {list(expected.shape)} and the ONNX file {list(found.shape)}."
        )
    return Parity(_difference(expected, found), max(expected.shape))


def _rows(model: Model, outputs: Sequence[Array], tensor: Array) -> Array:
    """Boxes, scores and classes of a model that selects its boxes itself."""
    found = model.decode(outputs, tensor, -np.inf)
    return np.column_stack([found.boxes, found.scores, found.classes])


def _by_rows(expected: Array, found: Array) -> Parity:
    """Compares all scores in sorted order, and each likely box with the nearest one."""
    scores = (-np.sort(-rows[:, 4]) for rows in (expected, found))
    likely = expected[expected[:, 4] > expected[:, 4].min() + _LEAST_SCORE]
    nearest = [min(_difference(row, other) for other in found) for row in likely]
    return Parity(max(_difference(*scores), *nearest, 0.0), len(likely))


def _difference(expected: Array, found: Array) -> float:
    apart = np.abs(expected - found) / np.maximum(1.0, np.abs(expected))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
