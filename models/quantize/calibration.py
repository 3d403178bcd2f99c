"""Determines the range of each tensor on photos, with the service's own preprocessing."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import onnxruntime

from app.vision.arrays import Array
from app.vision.detections import Options
from app.vision.detector import Detector
from app.vision.runtime.session import Session
from models.common.commands import require
from models.common.datasets import Photo

Ranges = dict[str, tuple[float, float]]


class _Recorder:
    """Replaces the detector's session and records the range of each tensor."""

    def __init__(self, model: Any, tensors: Sequence[str], session: Session) -> None:
        self.ranges: Ranges = {}
        self._inputs = {value.name for value in model.graph.input}
        self._watched = [name for name in tensors if name not in self._inputs]
        self._extremes = [f"{kind}({name})" for name in self._watched for kind in ("min", "max")]
        self._session = onnxruntime.InferenceSession(
            _with_extremes(model, self._watched).SerializeToString(),
            providers=["CPUExecutionProvider"],
        )
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs
        self.get_modelmeta = session.get_modelmeta

    def run(self, output_names: list[str], feed: dict[str, Array]) -> Sequence[Any]:
        results = self._session.run([*output_names, *self._extremes], feed)
        extremes = results[len(output_names) :]
        for name, low, high in zip(self._watched, extremes[::2], extremes[1::2], strict=True):
            self._widen(name, float(low), float(high))
        for name in self._inputs & feed.keys():
            self._widen(name, float(feed[name].min()), float(feed[name].max()))
        return list(results[: len(output_names)])

    def _widen(self, name: str, low: float, high: float) -> None:
        before = self.ranges.get(name, (0.0, 0.0))
        self.ranges[name] = min(before[0], low), max(before[1], high)


def calibrate(
    model: Any, tensors: Sequence[str], detector: Detector, photos: Sequence[Photo]
) -> Ranges:
    """Smallest and largest value of each of ``tensors``, widened to include 0."""
    recorder = _Recorder(model, tensors, detector.model.session)
    recording = Detector(replace(detector.model, session=recorder), detector.reader)
    progress = require("tqdm").tqdm
    shown: Iterable[Photo] = progress(
        photos, "calibration", unit=" photos", disable=not sys.stderr.isatty()
    )
    for photo in shown:
        recording.detect(photo.read(), Options(confidence=1.0))
    return recorder.ranges


def _with_extremes(model: Any, tensors: Sequence[str]) -> Any:
    onnx = require("onnx")
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    for name in tensors:
        for kind, reduction in (("min", "ReduceMin"), ("max", "ReduceMax")):
            result = f"{kind}({name})"
            watched.graph.node.append(
                onnx.helper.make_node(reduction, [name], [result], result, keepdims=0)
            )
            watched.graph.output.append(onnx.ValueInfoProto(name=result))
    return watched
