"""Whether something grows: a straight line through samples that hang together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Slope:
    value: float
    """A unit of time."""
    low: float
    """The 95% confidence interval's ends."""
    high: float

    @property
    def is_flat(self) -> bool:
        """Whether there is no growth that could be told from none."""
        return self.low <= 0


def slope(times: Sequence[float], values: Sequence[float], block: float) -> Slope:
    """Of ``values`` over ``times``, by least squares through the means of blocks.

    Neighbouring samples say nearly the same; means over ``block``, in units of time, much less so,
    and they are what the interval counts. At least four blocks have to be there.
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
    """The 97.5% point of Student's t, by Cornish and Fisher's series; within 2% from 3 on."""
    z = _Z
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
