"""Type aliases for arrays and shapes that several modules share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.intp]
Array = NDArray[Any]
FloatType = np.dtype[np.floating[Any]]

Shape = Sequence[int | None]
"""Axes of a model's input or output; None for an axis that the file leaves dynamic."""
