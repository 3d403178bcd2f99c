"""How far a run has come, and what follows from it: learning rate, picture side, augmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from models.train.augment import Recipe
from models.train.defaults import GUIDED
from models.train.net import STRIDES

WARM_UP_STEPS = 300
FLOOR = 0.01
"""Learning rate at the end, as a share of the highest."""
SIDES = ((0.4, 0.5), (0.7, 0.7), (0.88, 0.9), (1.0, 1.0))
"""Until which share of the run the picture side is which share of the final one."""
CALM = 0.88
"""Share of the run after which pictures are nearly as they are."""


class Place(NamedTuple):
    """Where a run went on, after an interruption or on another machine."""

    seconds: float = 0.0
    epochs: float = 0.0
    progress: float = 0.0


BEGINNING = Place()


@dataclass(frozen=True)
class Schedule:
    """A run ends after ``hours`` of training or ``epochs`` passes, whichever comes first.

    ``start`` is where it goes on. If the end has been moved since, what is left of the schedule is
    stretched over what is left of the run: the progress never goes back.
    """

    side: int
    hours: float | None
    epochs: float | None
    progressive: bool = True
    start: Place = BEGINNING

    def progress(self, seconds: float, epochs: float) -> float:
        """0 at the start, 1 at the end."""
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
        """Share of the highest learning rate: linear warm-up, then half a cosine."""
        cosine = FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2
        return cosine * min(1.0, (step + 1) / warm_up)

    def side_at(self, progress: float, draw: float) -> int:
        """Side of the next batch; ``draw`` in 0..1 moves it by at most one stride."""
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
        """Weight of a teacher in the loop: 1 at the start, 0 from ``GUIDED`` on."""
        return max(0.0, 1 - progress / GUIDED)


def _share(now: float, start: float, end: float | None) -> float:
    """Of the way from ``start`` to ``end``, 0 to 1; 0 where there is no end."""
    if end is None:
        return 0.0
    return min(1.0, max(0.0, (now - start) / (end - start))) if end > start else 1.0
