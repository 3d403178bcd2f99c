"""Compares the size, time and accuracy of two models."""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app.vision.model.load import load
from app.vision.preprocess.letterbox import Letterbox
from app.vision.runtime.limits import usable_cores
from models.common import checks
from models.common.datasets import Dataset
from models.evaluate.measure import measure
from models.evaluate.sources import InProcess, Thresholds

_RUNS = 30
_TIMING_SECONDS = 40.0
"""Timing stops after this time, even if fewer runs are complete."""
_PHOTO_SIZE = (4000, 3000)
"""Width and height of a typical photo."""


class Accuracy(NamedTuple):
    map: float | None
    """Mean over IoU 0.50 to 0.95; None if there were no photos."""
    map50: float | None


class Row(NamedTuple):
    name: str
    size: int
    """Bytes."""
    milliseconds: float
    accuracy: Accuracy


def accuracy(path: Path, dataset: Dataset) -> Accuracy:
    if not dataset.photos:
        return Accuracy(None, None)
    source = InProcess(checks.detector(path, usable_cores()), Thresholds())
    scores = measure(source, dataset).scores
    return Accuracy(scores.map, scores.map50)


def milliseconds(paths: list[Path]) -> tuple[list[float], str]:
    """Fastest run of each model on one thread, measured alternately, and the size of the input."""
    models = [load(path, threads=1) for path in paths]
    first = models[0]
    plan = Letterbox.plan(
        first.description.input, *_PHOTO_SIZE, rectangular=first.signature.dynamic
    )
    shape = (1, 3, plan.input_height, plan.input_width)
    noise = np.random.default_rng(0).random(shape, dtype=np.float32)
    best = [float("inf")] * len(models)
    end = time.perf_counter() + _TIMING_SECONDS
    for run in range(_RUNS):
        for index, model in enumerate(models):
            started = time.perf_counter()
            model.run(noise.astype(model.signature.dtype, copy=False))
            best[index] = min(best[index], (time.perf_counter() - started) * 1000)
        if run and time.perf_counter() > end:
            break
    return best, f"{plan.input_width} x {plan.input_height}"


def table(before: Row, after: Row, shape: str) -> str:
    width = max(len(before.name), len(after.name))
    timed = f"ms at {shape}, one thread"
    lines = [f"{'':{width}}      size  {timed}  mAP50-95   mAP50"]
    lines += [
        f"{row.name:{width}}  {row.size / 1e6:5.2f} MB  {row.milliseconds:{len(timed)}.1f}"
        f"  {_number(row.accuracy.map):>8}  {_number(row.accuracy.map50):>6}"
        for row in (before, after)
    ]
    smaller = f"{after.size / before.size:.2f} x"
    faster = f"{before.milliseconds / after.milliseconds:.2f} x"
    lines.append(f"{'':{width}}  {smaller:>8}  {faster:>{len(timed)}}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
