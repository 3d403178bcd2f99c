"""Whether an ONNX file answers as the PyTorch module that it was made from."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from app.vision.arrays import Array
from app.vision.description import Family
from app.vision.detector import Detector, Options
from app.vision.model import Session
from models.commands import CommandError

Reference = Callable[[Sequence[Array]], Sequence[Array]]
"""Inputs to outputs, both in the order of the ONNX file."""

_LEAST_SCORE = 0.01
"""Of rows that are compared where a model sorts them itself: below, order is chance."""


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


def largest_difference(detector: Detector, image: bytes, reference: Reference) -> float:
    """Over all outputs for ``image``: absolute below 1, relative above.

    Raises CommandError where the outputs are not even of the same shapes.
    """
    witness = _Witness(detector.model.session)
    Detector(replace(detector.model, session=witness), detector.reader).detect(image, Options())
    family = detector.model.description.family
    expected = _comparable(family, list(reference(witness.inputs)))
    found = _comparable(family, witness.outputs)
    shapes = [[list(output.shape) for output in outputs] for outputs in (expected, found)]
    if family in ("end2end", "detr"):
        return _by_rows(expected[0], found[0])
    if shapes[0] != shapes[1]:
        raise CommandError(f"PyTorch answers {shapes[0]} and the ONNX file {shapes[1]}.")
    return max(_difference(a, b) for a, b in zip(expected, found, strict=True))


def _comparable(family: Family, outputs: list[Array]) -> list[Array]:
    """Rows of box, score and class where the model sorts them; else the first output."""
    if family != "detr":
        return [np.asarray(outputs[0][0] if family == "end2end" else outputs[0])]
    labels, boxes, scores = (output[0] for output in outputs)
    return [np.column_stack([boxes, scores, labels])]


def _by_rows(expected: Array, found: Array) -> float:
    """Each expected row against the nearest."""
    kept = expected[expected[:, 4] > _LEAST_SCORE]
    return max((min(_difference(row, other) for other in found) for row in kept), default=0.0)


def _difference(expected: Array, found: Array) -> float:
    apart = np.abs(expected - found) / np.maximum(1.0, np.abs(expected))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
