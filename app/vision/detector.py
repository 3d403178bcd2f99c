"""The entry point of the vision package: image bytes in, detections out."""

import difflib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from PIL.Image import Image

from app.errors import InvalidParameter
from app.vision.arrays import Array
from app.vision.detections import (
    Candidates,
    Detections,
    Options,
    Timings,
    classified,
    place,
    select,
)
from app.vision.images.formats.record import Format
from app.vision.images.memory import Size
from app.vision.images.reader import ImageReader, Picture
from app.vision.model.load import Model
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tiles.merging import Seen, merge
from app.vision.tiles.views import View, held_bytes, plan_views, wanted
from app.vision.turns import Turns, at_once

_WHOLE_FACTOR_PIXELS = 24_000_000
"""Larger pictures are reduced by an integer factor, which needs no second full-size copy."""


class Detector:
    """Can be called from several threads at once."""

    def __init__(self, model: Model, reader: ImageReader) -> None:
        self.model = model
        self.reader = reader
        self.failed = False
        """Whether the last run of the session raised an exception."""

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
        *,
        masks: bool = False,
        tiles: bool = False,
    ) -> Options:
        """If ``iou`` is None, the model's own value applies, or else the default."""
        usual = (iou, self.model.description.iou, Options().iou)
        chosen = next(value for value in usual if value is not None)
        agnostic_iou = self.model.description.agnostic_iou
        return Options(confidence, chosen, max_detections, classes, masks, tiles, agnostic_iou)

    def class_ids(self, names: Iterable[str]) -> frozenset[int]:
        """Label names are case-insensitive; all classes of a label are meant.

        Raises InvalidParameter for a name that the model does not know.
        """
        known: dict[str, set[int]] = {}
        for index, label in enumerate(self.labels):
            known.setdefault(label.casefold(), set()).add(index)
        ids: set[int] = set()
        for name in names:
            if name.casefold() not in known:
                raise InvalidParameter(_unknown_class(name, known, self.labels))
            ids |= known[name.casefold()]
        return frozenset(ids)

    def detect(
        self, data: bytes, options: Options, image_format: Format | None = None
    ) -> Detections:
        """Finds what the image file ``data`` shows.

        ``image_format`` is the format of ``data``, if the caller has already determined it.

        Raises InvalidImageFormat, InvalidImage, ImageTooLarge or ModelUnavailable.
        """
        return at_once(self.turns(data, options, image_format))

    def turns(
        self, data: bytes, options: Options, image_format: Format | None = None
    ) -> Turns[Detections]:
        """``detect``, with a pause before each tile if the picture is searched in tiles."""
        if options.tiles and self.model.task != "classify":
            return (yield from self._search_tiles(data, options, image_format))
        return self._search_whole(data, options, image_format)

    def _search_whole(
        self, data: bytes, options: Options, image_format: Format | None
    ) -> Detections:
        timings, clock = Timings(), _Clock()
        plan: Letterbox | None = None

        def cover(size: Size) -> Size:
            nonlocal plan
            spec = self.model.description.input
            plan = Letterbox.plan(spec, *size, rectangular=self.model.signature.dynamic)
            return plan.wanted

        picture = self.reader.read(data, cover, image_format)
        assert plan is not None
        timings.decode = clock.lap()
        chosen = self._find(picture.rgb, plan, options, timings, clock)
        items, classifications = [], None
        if self.model.task == "classify":
            classifications = classified(chosen, self.labels)
        else:
            items = place(chosen, plan, self.labels)
        timings.postprocess += clock.lap()
        return Detections(plan.width, plan.height, items, timings, clock.began, classifications)

    def _search_tiles(
        self, data: bytes, options: Options, image_format: Format | None
    ) -> Turns[Detections]:
        """Searches the whole picture and, if it is large enough, its tiles."""
        timings, clock = Timings(), _Clock()
        spec = self.model.description.input
        views: list[View] = []

        def cover(size: Size) -> Size:
            views[:] = plan_views(spec, size, rectangular=self.model.signature.dynamic)
            return wanted(views)

        self.reader.check(data, cover, image_format)
        if len(views) == 1:
            return self._search_whole(data, options, image_format)
        yield held_bytes(views, masks=options.masks)
        paused = clock.lap()
        with self.reader.decoded(data, cover, image_format) as picture:
            parts = [view.scaled(picture.rgb, spec) for view in reversed(views)]
        timings.decode = clock.lap()
        seen: list[Seen] = []
        for view in views:
            if seen:
                yield 0
                paused += clock.lap()
            chosen = self._find(parts.pop(), view.seen, options, timings, clock)
            seen.append((view.tile, place(chosen, view.placed, self.labels)))
            timings.postprocess += clock.lap()
        size = views[0].seen.width, views[0].seen.height
        items = merge(seen, size, options.max_detections)
        timings.postprocess += clock.lap()
        return Detections(*size, items, timings, clock.began + paused / 1000)

    def _find(
        self, rgb: Image, plan: Letterbox, options: Options, timings: Timings, clock: "_Clock"
    ) -> Candidates:
        """The candidates to answer with of one view; adds to ``timings``."""
        tensor = plan.fill(rgb, self.model.description.input, self.model.signature.dtype)
        timings.preprocess += clock.lap()
        outputs = self._run(tensor, masks=options.masks)
        timings.inference += clock.lap()
        found = self.model.decode(outputs, tensor, options.confidence)
        if found.masks is not None and not options.masks:
            found = found._replace(masks=None)
        return select(found, options, needs_nms=self.model.family.needs_nms)

    @contextmanager
    def picture(
        self, data: bytes, longest_side: int, image_format: Format | None = None
    ) -> Iterator[Picture]:
        """The upright picture, with no side longer than ``longest_side`` pixels.

        The memory for decoding it is released when the block ends.
        """

        cover = partial(_within, longest_side)
        with self.reader.decoded(data, cover, image_format) as picture:
            picture.rgb.thumbnail((longest_side, longest_side))
            yield picture

    def check_picture(
        self, data: bytes, longest_side: int, image_format: Format | None = None
    ) -> None:
        """Raises what ``picture`` would raise because of the header, without decoding anything."""
        self.reader.check(data, partial(_within, longest_side), image_format)

    def _run(self, tensor: Array, *, masks: bool) -> list[Array]:
        try:
            outputs = self.model.run(tensor, masks=masks)
        except Exception:
            self.failed = True
            raise
        self.failed = False
        return outputs


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
        """Milliseconds since the previous lap, or since the clock was created."""
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
    repeat = " Repeat the option for each label: classes=person&classes=dog." * ("," in name)
    return f"classes: the model knows no label {name[:100]!r}. {hint}.{repeat}"
