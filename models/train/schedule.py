"""The progress of a run, and what depends on it: learning rate, picture size, augmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from models.train.augment import Recipe
from models.train.defaults import GUIDED
from models.train.net import STRIDES

WARM_UP_STEPS = 300
FLOOR = 0.01
"""Final learning rate, relative to the highest."""
SIDES = ((0.4, 0.5), (0.7, 0.7), (0.88, 0.9), (1.0, 1.0))
"""Pairs of a share of the run and the picture side, relative to the final side, up to there."""
CALM = 0.88
"""Share of the run after which pictures are hardly augmented."""


class Place(NamedTuple):
    """The point at which a run continues after an interruption or on another machine."""

    seconds: float = 0.0
    epochs: float = 0.0
    progress: float = 0.0

    @property
    def finished(self) -> bool:
        return self.progress >= 1

    def restarted(self, share: float | None) -> Place:
        """Goes back to ``share`` of the schedule if the run is finished; None changes nothing.

        The learning rate rises again: a warm restart (Loshchilov and Hutter, 2017,
        arXiv:1608.03983).
        """
        if share is None or not self.finished:
            return self
        return self._replace(progress=share)


BEGINNING = Place()


@dataclass(frozen=True)
class Schedule:
    """A run ends after ``hours`` of training or ``epochs`` passes, whichever comes first.

    ``start`` is the point at which it continues. If the end has changed since, the rest of the
    schedule is stretched over the rest of the run: progress never decreases.
    """

    side: int
    hours: float | None
    epochs: float | None
    progressive: bool = True
    start: Place = BEGINNING
    guided: float = GUIDED
    """Progress at which a teacher's weight has fallen to 0; more than 1 if it never does."""

    def progress(self, seconds: float, epochs: float) -> float:
        """Progress from 0 at the start to 1 at the end."""
        done = max(
            _share(seconds, self.start.seconds, self.hours and self.hours * 3600),
            _share(epochs, self.start.epochs, self.epochs),
        )
        return self.start.progress + (1 - self.start.progress) * done

    def ended(self, seconds: float, epochs: float) -> bool:
        by_time = self.hours is not None and seconds >= self.hours * 3600
        return by_time or (self.epochs is not None and epochs >= self.epochs)

    def going_on(self, start: Place) -> Schedule:
        return replace(self, start=start)

    def rate(self, progress: float, step: int, warm_up: int = WARM_UP_STEPS) -> float:
        """Learning rate relative to the highest: linear warm-up, then half a cosine."""
        cosine = FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2
        return cosine * min(1.0, (step + 1) / warm_up)

    def side_at(self, progress: float, draw: float) -> int:
        """Side of the next batch; ``draw`` in 0..1 changes it by at most one stride."""
        share = (
            next(share for until, share in SIDES if progress <= until) if self.progressive else 1.0
        )
        step = STRIDES[-1]
        units = round(self.side * share / step) + int(draw * 3) - 1
        return max(2, min(units, self.side // step + 1)) * step

    def recipe_at(self, progress: float, recipe: Recipe) -> Recipe:
        if progress < CALM:
            return recipe
        return replace(recipe, mosaic=0.2 * recipe.mosaic, mixup=0.0)

    def guidance(self, progress: float) -> float:
        """Weight of a teacher in the loop: 1 at the start, 0 from ``guided`` on."""
        return max(0.0, 1 - progress / self.guided) if self.guided else 0.0


def _share(now: float, start: float, end: float | None) -> float:
    """Share of the way from ``start`` to ``end``, 0 to 1; 0 if there is no end."""
    if end is None:
        return 0.0
    return min(1.0, max(0.0, (now - start) / (end - start))) if end > start else 1.0
