"""What the loader is asked for: endless batches, each fit for the stage the run has reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import Sampler

from models.train.augment import Order, Recipe
from models.train.schedule import Schedule


class Orders(Sampler[Order]):
    """Every photo once before any comes again; ``progress`` is asked anew for each batch."""

    def __init__(
        self,
        photos: int,
        batch: int,
        schedule: Schedule,
        recipe: Recipe,
        progress: Callable[[], float],
        seed: tuple[int, ...],
    ) -> None:
        self._photos, self._batch = photos, batch
        self._schedule, self._recipe = schedule, recipe
        self._progress = progress
        self._seed = seed

    def __iter__(self) -> Iterator[Order]:
        random = np.random.default_rng(self._seed)
        waiting = np.empty(0, np.int64)
        while True:
            while len(waiting) < self._batch:
                waiting = np.concatenate((waiting, random.permutation(self._photos)))
            indices, waiting = waiting[: self._batch], waiting[self._batch :]
            progress = self._progress()
            side = self._schedule.side_at(progress, float(random.random()))
            recipe = self._schedule.recipe_at(progress, self._recipe)
            yield Order(tuple(map(int, indices)), side, int(random.integers(2**62)), recipe)
