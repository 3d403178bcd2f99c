"""The only thing that the rest of the app calls: image bytes in, detections out."""

import difflib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from app.errors import InvalidParameter
from app.vision.arrays import Array
from app.vision.families import Candidates
from app.vision.images.memory import Size
from app.vision.images.reader import ImageReader, Picture
from app.vision.model.load import Model
from app.vision.nms import nms
from app.vision.preprocess.letterbox import Letterbox

_WHOLE_FACTOR_PIXELS = 24_000_000
"""Larger pictures are made smaller by whole factors, which takes no second full-size copy."""


class Options(NamedTuple):
    confidence: float = 0.25
    """A detection's probability is above this; 0..1."""
    iou: float = 0.7
    """Boxes of one class that overlap by more than this are one object; 0..1."""
    max_detections: int = 300
    classes: frozenset[int] | None = None
    """Only these; None for all."""


class Detection(NamedTuple):
    label: str
    class_id: int
    probability: float
    box: tuple[float, float, float, float]
    """x, y, width, height in pixels of the upright picture, from its top left corner."""


@dataclass
class Timings:
    """Milliseconds a stage took."""

    decode: float = 0.0
    preprocess: float = 0.0
    inference: float = 0.0
    postprocess: float = 0.0


@dataclass(frozen=True)
class Detections:
    width: int
    """Of the upright picture in pixels; ``height`` likewise."""
    height: int
    items: list[Detection]
    """Highest probability first."""
    timings: Timings = field(default_factory=Timings)
    began: float = 0.0
    """When decoding began, on the clock of ``time.perf_counter``."""


class Detector:
    """Safe to call from several threads at once."""

    def __init__(self, model: Model, reader: ImageReader) -> None:
        self.model = model
        self.reader = reader
        self.failed = False
        """Whether the last run of the session raised."""

    @property
    def name(self) -> str:
        return self.model.description.name

    @property
    def labels(self) -> tuple[str, ...]:
        return self.model.description.labels

    def options(
        self,
        confidence: float,
        iou: float | None,
        max_detections: int,
        classes: frozenset[int] | None = None,
    ) -> Options:
        """``iou`` None is the model's own, or the default."""
        own = self.model.description.iou
        usual = Options().iou if own is None else own
        return Options(confidence, usual if iou is None else iou, max_detections, classes)

    def class_ids(self, names: Iterable[str]) -> frozenset[int]:
        """Raises InvalidParameter for a name that the model does not know."""
        known = {label.casefold(): index for index, label in enumerate(self.labels)}
        ids = set()
        for name in names:
            index = known.get(name.casefold())
            if index is None:
                raise InvalidParameter(_unknown_class(name, known, self.labels))
            ids.add(index)
        return frozenset(ids)

    def detect(self, data: bytes, options: Options) -> Detections:
        """Raises InvalidImageFormat, InvalidImage, ImageTooLarge or ModelUnavailable."""
        spec = self.model.description.input
        timings = Timings()
        clock = _Clock()

        plan: Letterbox | None = None

        def cover(size: Size) -> Size:
            nonlocal plan
            plan = Letterbox.plan(spec, *size, rectangular=self.model.signature.dynamic)
            return plan.content

        picture = self.reader.read(data, cover)
        assert plan is not None
        timings.decode = clock.lap()
        tensor = plan.fill(picture.rgb, spec, self.model.signature.dtype)
        timings.preprocess = clock.lap()
        outputs = self._run(tensor)
        timings.inference = clock.lap()
        candidates = self.model.decode(outputs, tensor, options.confidence)
        items = self._select(candidates, plan, options)
        timings.postprocess = clock.lap()
        return Detections(plan.width, plan.height, items, timings, clock.began)

    @contextmanager
    def picture(self, data: bytes, longest_side: int) -> Iterator[Picture]:
        """The upright picture itself, no larger than ``longest_side`` pixels.

        The memory that decoding it took stays set aside until the block ends.
        """

        cover = partial(_within, longest_side)
        with self.reader.decoded(data, cover) as picture:
            picture.rgb.thumbnail((longest_side, longest_side))
            yield picture

    def check_picture(self, data: bytes, longest_side: int) -> None:
        """Raises what ``picture`` raises for what the header says, and decodes nothing."""
        self.reader.check(data, partial(_within, longest_side))

    def _run(self, tensor: Array) -> list[Array]:
        try:
            outputs = self.model.run(tensor)
        except Exception:
            self.failed = True
            raise
        self.failed = False
        return outputs

    def _select(self, found: Candidates, plan: Letterbox, options: Options) -> list[Detection]:
        boxes, scores, classes = found.boxes, found.scores, found.classes
        if options.classes is not None:
            wanted = np.isin(classes, list(options.classes))
            boxes, scores, classes = boxes[wanted], scores[wanted], classes[wanted]
        if self.model.head.needs_nms:
            order = nms(boxes, scores, classes, options.iou, options.max_detections)
        else:
            order = np.argsort(-scores, kind="stable")[: options.max_detections]
        placed = plan.restore(boxes[order]).astype(float)
        placed[:, 2:] -= placed[:, :2]
        return [
            Detection(self.labels[index], index, score, (x, y, width, height))
            for (x, y, width, height), score, index in zip(
                placed.tolist(), scores[order].tolist(), classes[order].tolist(), strict=True
            )
            if width > 0 and height > 0
        ]


def _within(longest_side: int, size: Size) -> Size:
    longest = max(size)
    if size[0] * size[1] > _WHOLE_FACTOR_PIXELS:
        factor = -(-longest // longest_side)
        return max(1, size[0] // factor), max(1, size[1] // factor)
    scale = min(1.0, longest_side / longest)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


class _Clock:
    def __init__(self) -> None:
        self.began = self._last = time.perf_counter()

    def lap(self) -> float:
        """Milliseconds since the last lap."""
        now = time.perf_counter()
        spent, self._last = (now - self._last) * 1000, now
        return spent


def _unknown_class(name: str, known: Iterable[str], labels: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name.casefold()[:100], known, n=3, cutoff=0.5)
    by_fold = {label.casefold(): label for label in labels}
    hint = (
        "Near names: " + ", ".join(by_fold[fold] for fold in near)
        if near
        else "GET /model lists the labels"
    )
    return f"classes: the model knows no label {name[:100]!r}. {hint}."
