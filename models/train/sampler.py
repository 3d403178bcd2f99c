"""The sampler: endless batches, each suited to the current stage of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from models.train.augment import Order, Recipe
from models.train.canvas import Format, shape_of
from models.train.repeat_factor import one_pass
from models.train.schedule import Schedule


class Orders(Sampler[Order]):
    """Batches of photos with one format; ``progress`` is called for each batch.

    The factor of a photo is how often it occurs in one pass. ``factors`` and ``formats`` are in the
    order of the photos. Samplers with another ``share`` and the same ``seed`` draw other photos,
    but the same sides: so processes that wait for each other have the same amount of work.
    """

    def __init__(
        self,
        factors: NDArray[np.float64],
        formats: Sequence[Format],
        batch: int,
        schedule: Schedule,
        recipe: Recipe,
        progress: Callable[[], float],
        seed: tuple[int, ...],
        share: int = 0,
    ) -> None:
        self._factors, self._formats, self._batch = factors, formats, batch
        self._schedule, self._recipe = schedule, recipe
        self._progress = progress
        self._seed, self._share = seed, share

    def __iter__(self) -> Iterator[Order]:
        random = np.random.default_rng((*self._seed, self._share))
        sides = np.random.default_rng(self._seed)
        waiting: dict[Format, list[int]] = {"wide": [], "square": [], "tall": []}
        while True:
            for index in one_pass(self._factors, random):
                form = self._formats[index]
                waiting[form].append(int(index))
                if len(waiting[form]) == self._batch:
                    yield self._order(tuple(waiting[form]), form, float(sides.random()), random)
                    waiting[form] = []

    def _order(
        self,
        indices: tuple[int, ...],
        form: Format,
        draw: float,
        random: np.random.Generator,
    ) -> Order:
        progress = self._progress()
        side = self._schedule.side_at(progress, draw)
        recipe = self._schedule.recipe_at(progress, self._recipe)
        return Order(indices, shape_of(form, side), int(random.integers(2**62)), recipe)
