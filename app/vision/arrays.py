"""Names for the array types that the other modules share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]
Array = NDArray[Any]
FloatType = np.dtype[np.floating[Any]]
