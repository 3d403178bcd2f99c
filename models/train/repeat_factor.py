"""Repeat-factor sampling: photos with rare labels are repeated (Gupta et al., 2019, LVIS)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.train.samples import Sample

ENOUGH = 0.1
"""A label is rare if a smaller share of the photos shows it."""


def repeat_factors(samples: Sequence[Sample], enough: float = ENOUGH) -> NDArray[np.float64]:
    """Repetitions of each photo per pass, at least 1: sqrt(enough / share of its rarest label).

    The share of a label is the share of photos that show it.
    """
    shown = np.array([_shown(sample) for sample in samples], bool)
    share = shown.mean(0)
    factor = np.sqrt(enough / np.maximum(share, 1 / max(1, len(samples))))
    return np.where(shown, np.maximum(1.0, factor), 1.0).max(1, initial=1.0)


def one_pass(factors: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """Indices of photos in random order; a factor of 1.4 means twice in four of ten passes."""
    whole = np.floor(factors)
    times = whole + (random.random(len(factors)) < factors - whole)
    return random.permutation(np.repeat(np.arange(len(factors)), times.astype(np.int64)))


def _shown(sample: Sample) -> NDArray[np.bool_]:
    shown = np.zeros(sample.wanted.shape[1], bool)
    shown[sample.classes[~sample.ignored]] = True
    return shown
