"""Converts the model's probabilities to confidences of 0..100, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """Interpolates linearly between points (probability, confidence), which increase in both.

    0 stays 0 and 1 becomes 100. Without points, a confidence is 100 times the probability.
    """

    points: Sequence[tuple[float, float]] = ()

    def confidence(self, probability: float) -> float:
        probabilities, confidences = self._lines()
        return float(np.interp(probability, probabilities, confidences))

    def probability(self, confidence: float) -> float:
        """The inverse of ``confidence``."""
        probabilities, confidences = self._lines()
        return float(np.interp(confidence, confidences, probabilities))

    def __str__(self) -> str:
        """A suffix for model versions, so that clients notice a change; empty without points."""
        return "".join(
            f"-{probability:g}:{confidence:g}" for probability, confidence in self.points
        )

    def _lines(self) -> tuple[list[float], list[float]]:
        whole = [(0.0, 0.0), *self.points, (1.0, 100.0)]
        return [probability for probability, _ in whole], [confidence for _, confidence in whole]


PERCENT = Scale()
