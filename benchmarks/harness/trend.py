"""Fits a straight line to correlated samples, to detect growth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Slope:
    value: float
    """Growth per unit of time."""
    low: float
    """Lower end of the 95% confidence interval."""
    high: float

    @property
    def is_flat(self) -> bool:
        """True if the samples are compatible with no growth."""
        return self.low <= 0


def slope(times: Sequence[float], values: Sequence[float], block: float) -> Slope:
    """Least squares through the means of blocks of ``values``.

    Neighbouring samples are correlated, but means over ``block`` units of time much less so; the
    interval is computed from these means. Raises ValueError for fewer than four blocks.
    """
    blocks: dict[int, list[tuple[float, float]]] = {}
    for time, value in zip(times, values, strict=True):
        blocks.setdefault(int((time - times[0]) // block), []).append((time, value))
    x = [fmean(time for time, _ in members) for members in blocks.values()]
    y = [fmean(value for _, value in members) for members in blocks.values()]
    n = len(x)
    if n < 4:
        raise ValueError(f"{n} blocks of {block} are too few for a slope.")
    middle_x, middle_y = fmean(x), fmean(y)
    spread = sum((a - middle_x) ** 2 for a in x)
    value = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / spread
    rest = sum((b - middle_y - value * (a - middle_x)) ** 2 for a, b in zip(x, y, strict=True))
    margin = _student(n - 2) * math.sqrt(rest / (n - 2) / spread)
    return Slope(value, value - margin, value + margin)


def _student(freedom: int) -> float:
    """97.5% quantile of Student's t by the Cornish-Fisher series; within 2% from 3 degrees on."""
    z = _Z
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
