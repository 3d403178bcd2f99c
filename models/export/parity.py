"""Whether an ONNX file answers as the PyTorch module that it was made from."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from app.vision.arrays import Array
from app.vision.description import Family
from app.vision.detector import Detector, Options
from app.vision.runtime.session import Session
from models.common.commands import CommandError

Reference = Callable[[Sequence[Array]], Sequence[Array]]
"""Inputs to outputs, both in the order of the ONNX file."""

_LEAST_SCORE = 0.01
"""Above the last row, of those that are compared where a model picks the best rows itself: which
ones come in last is chance."""


class Parity(NamedTuple):
    difference: float
    """The largest of all outputs: absolute below 1, relative above."""
    boxes: int
    """How many were compared."""


class _Witness:
    """Stands where the detector has its session, and keeps what went in and came out."""

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
    """The file that ``detector`` runs and ``reference``, on one image.

    Raises CommandError where the outputs are not even of the same shapes.
    """
    witness = _Witness(detector.model.session)
    Detector(replace(detector.model, session=witness), detector.reader).detect(image, Options())
    family = detector.model.description.family
    expected = _comparable(family, reference(witness.inputs))
    found = _comparable(family, witness.outputs)
    if family in ("end2end", "detr"):
        return _by_rows(expected, found)
    if expected.shape != found.shape:
        raise CommandError(
            f"PyTorch answers {list(expected.shape)} and the ONNX file {list(found.shape)}."
        )
    return Parity(_difference(expected, found), max(expected.shape))


def _comparable(family: Family, outputs: Sequence[Array]) -> Array:
    """Rows of box, score and class where the model sorts them; else the first output."""
    if family == "end2end":
        rows: Array = outputs[0][0]
        return rows
    if family == "detr":
        labels, boxes, scores = (output[0] for output in outputs)
        return np.column_stack([boxes, scores, labels])
    return outputs[0]


def _by_rows(expected: Array, found: Array) -> Parity:
    """All scores in order, and each box that is likely enough against the nearest."""
    scores = (-np.sort(-rows[:, 4]) for rows in (expected, found))
    likely = expected[expected[:, 4] > expected[:, 4].min() + _LEAST_SCORE]
    nearest = [min(_difference(row, other) for other in found) for row in likely]
    return Parity(max(_difference(*scores), *nearest, 0.0), len(likely))


def _difference(expected: Array, found: Array) -> float:
    apart = np.abs(expected - found) / np.maximum(1.0, np.abs(expected))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
