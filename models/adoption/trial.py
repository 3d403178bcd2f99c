"""Runs a model on photos under one reading of its outputs, and judges the results."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from app.vision.arrays import Array, Floats
from app.vision.description import Description
from app.vision.detections import (
    Candidates,
    Classification,
    Detection,
    Options,
    classified,
    place,
    select,
)
from app.vision.families.base import Family
from app.vision.model.file_hash import FileHash
from app.vision.model.load import Model
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox
from models.adoption.opened import Opened
from models.adoption.photos import Photo

SURE = 0.25
_ALL = 1e-6
"""Boxes above this score show the box format, though not objects."""
_LEAST_SIDE_PIXELS = 2
_COUNTED = 3
"""Number of the surest objects that count for each photo."""
_MANY = 10
"""More objects than this on a photo count against a reading, since they are probably noise."""


@dataclass(frozen=True)
class Reading:
    """One way to prepare the input and to interpret the outputs."""

    family: Family
    spec: OutputSpec | None
    input: InputSpec


@dataclass
class Outcome:
    reading: Reading
    found: dict[Photo, list[Detection]] = field(default_factory=dict)
    problem: str = ""
    """The reason why the reading cannot be right; empty if there is none."""
    strength: float = 0.0
    """Sum of the squared scores of the surest objects, less for photos with many objects."""
    sound: float = 0.0
    """Share of plausible boxes among the sure ones, weighted by score."""
    plausible: float = 0.0
    """The same share among all boxes, unweighted."""
    sure_boxes: int = 0
    classified: dict[Photo, list[Classification]] = field(default_factory=dict)
    """The labels of each photo as a whole, surest first."""
    are_probabilities: bool = True
    """Whether every score of a classifier is between 0 and 1."""
    agreeing: int = 0
    """Number of photos on which the known object is found with its label."""


class Trials:
    """Runs the model once for each photo and each preprocessing."""

    def __init__(self, opened: Opened, photos: list[Photo], labels: tuple[str, ...]) -> None:
        self._opened = opened
        self._photos = photos
        self._labels = labels
        self._hash = FileHash(opened.path)
        self._outputs: dict[tuple[InputSpec, Photo], dict[str, Array]] = {}

    def run(self, reading: Reading) -> Outcome:
        outcome = Outcome(reading)
        model = self._model(reading)
        sure: list[tuple[float, bool]] = []
        every: list[bool] = []
        for photo in self._photos:
            plan = Letterbox.plan(
                reading.input, *photo.rgb.size, rectangular=self._opened.signature.dynamic
            )
            try:
                tensor, outputs = self._run(model, photo, plan)
            except Exception:  # onnxruntime's exception classes have no common public base
                outcome.problem = (
                    f"does not run with an input of {plan.input_width} x {plan.input_height}"
                    " (if its axes are not really dynamic, --fit stretch always uses --size)"
                )
                return outcome
            with np.errstate(all="ignore"):
                outcome.problem = outcome.problem or _problem(reading, outputs, len(self._labels))
                if outcome.problem:
                    return outcome
                try:
                    found = model.decode(outputs, tensor, SURE)
                    rest = model.decode(outputs, tensor, _ALL)
                except (ValueError, IndexError):
                    outcome.problem = "gives outputs with sizes other than the family's"
                    return outcome
                if (rest.scores > 1.001).any() or np.isnan(rest.scores).any():
                    outcome.problem = f"gives the probability {rest.scores.max():.4g}"
                    return outcome
                possible = _possible(found, tensor)
                every.extend(_possible(rest, tensor).tolist())
                chosen = select(
                    found.take(np.flatnonzero(possible)),
                    Options(iou=0.6),
                    needs_nms=reading.family.needs_nms,
                )
            items = place(chosen, plan, self._labels)
            outcome.found[photo] = items
            outcome.agreeing += any(item.label.casefold() == photo.shows for item in items)
            if photo.judged:
                sure += zip(found.scores.tolist(), possible.tolist(), strict=True)
                surest = sum(item.probability**2 for item in items[:_COUNTED])
                outcome.strength += surest * min(1, _MANY / max(1, len(items)))
        outcome.sure_boxes = len(sure)
        weight = sum(score for score, _ in sure)
        outcome.sound = sum(score for score, fits in sure if fits) / weight if weight else 0.0
        outcome.plausible = sum(every) / len(every) if every else 0.0
        return outcome

    def classify(self, reading: Reading, sure: float) -> Outcome:
        """Labels with scores above ``sure``, for each photo as a whole."""
        outcome = Outcome(reading)
        model = self._model(reading)
        for photo in self._photos:
            plan = Letterbox.plan(reading.input, *photo.rgb.size, rectangular=False)
            try:
                tensor, outputs = self._run(model, photo, plan)
            except Exception:  # onnxruntime's exception classes have no common public base
                outcome.problem = f"does not run with an input of {plan.input_width} x" + (
                    f" {plan.input_height}"
                )
                return outcome
            found = model.decode(outputs, tensor, sure)
            most = float(found.scores.max(initial=0))
            least = float(found.scores.min(initial=0))
            outcome.are_probabilities &= least >= 0 and most <= 1.001
            if sure >= 0 and not outcome.are_probabilities:
                outcome.problem = f"gives the probability {most:.4g}; give --scores softmax"
            order = np.argsort(-found.scores, kind="stable")
            outcome.classified[photo] = classified(found.take(order), self._labels)
        return outcome

    def _model(self, reading: Reading) -> Model:
        family, signature = reading.family, self._opened.signature
        outputs = family.bind(signature.declared, len(self._labels))
        assert outputs is not None
        decoder = family.decode
        if reading.spec is not None and family.with_spec is not None:
            decoder = family.with_spec(reading.spec)
        described = Description(
            family=family.name, name="trial", labels=self._labels, input=reading.input
        )
        return Model(self._opened.session, described, signature, outputs, decoder, self._hash)

    def _run(self, model: Model, photo: Photo, plan: Letterbox) -> tuple[Array, list[Array]]:
        spec = model.description.input
        tensor = plan.fill(photo.rgb, spec, model.signature.dtype)
        key = (spec, photo)
        if key not in self._outputs:
            outputs = self._opened.run(model.feed(tensor))
            self._outputs[key] = dict(zip(model.signature.declared, outputs, strict=True))
        found: Mapping[str, Array] = self._outputs[key]
        return tensor, [found[name] for name in model.outputs]


def _problem(reading: Reading, outputs: list[Array], labels: int) -> str:
    """The reason why rows with class numbers cannot be read in this way; empty if they can."""
    if reading.family.rows is None:
        return ""
    rows = reading.family.rows(outputs, reading.spec or OutputSpec())
    if not len(rows.scores):
        return ""
    least, most = float(np.min(rows.scores)), float(np.max(rows.scores))
    if not (least >= -0.001 and most <= 1.001):
        return f"gives the probability {most if most > 1 else least:.4g}"
    numbers = rows.numbers[rows.scores > SURE]
    if (numbers != np.rint(numbers)).any():
        return "gives class numbers that are fractions"
    numbered = reading.spec.numbers if reading.spec else None
    allowed = range(labels) if numbered is None else numbered
    beyond = sorted(set(numbers.astype(int).tolist()) - set(allowed))
    if beyond:
        return f"gives the class number {beyond[-1]}, but there are {labels} labels"
    return ""


def _possible(found: Candidates, tensor: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Boxes that may be objects: finite, not tiny, mostly on the picture, not all of it."""
    height, width = tensor.shape[2:]
    boxes: Floats = np.nan_to_num(found.boxes, nan=-1.0, posinf=1e9, neginf=-1e9)
    size = boxes[:, 2:] - boxes[:, :2]
    limit = np.array([width, height], dtype=np.float32)
    inside = np.clip(boxes[:, 2:], 0, limit) - np.clip(boxes[:, :2], 0, limit)
    area = np.maximum(size[:, 0] * size[:, 1], 1e-6)
    on_it = inside[:, 0] * inside[:, 1] / area >= 0.5
    whole = (inside >= 0.98 * limit).all(axis=1)
    possible = (size >= _LEAST_SIDE_PIXELS).all(axis=1) & on_it & ~whole
    finite = np.isfinite(found.boxes).all(axis=1)
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = possible & finite
    return result
