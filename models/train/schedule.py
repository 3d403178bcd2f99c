"""How far a run has come, and what follows from it: learning rate, picture side, augmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from models.train.augment import Recipe
from models.train.net import STRIDES

WARM_UP_STEPS = 300
FLOOR = 0.01
"""Learning rate at the end, as a share of the highest."""
SIDES = ((0.35, 0.5), (0.65, 0.7), (0.85, 0.9), (1.0, 1.0))
"""Until which share of the run the picture side is which share of the final one."""
CALM = 0.88
"""Share of the run after which pictures are nearly as they are."""


@dataclass(frozen=True)
class Schedule:
    """A run ends after ``hours`` of training or ``epochs`` passes, whichever comes first."""

    side: int
    hours: float | None
    epochs: float | None
    progressive: bool = True

    def progress(self, seconds: float, epochs: float) -> float:
        """0 at the start, 1 at the end."""
        by_time = seconds / 3600 / self.hours if self.hours else 0.0
        by_count = epochs / self.epochs if self.epochs else 0.0
        return min(1.0, max(by_time, by_count))

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
