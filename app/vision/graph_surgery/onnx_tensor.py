"""The constants of an ONNX file. Field numbers are those of ``onnx.proto``."""

import math
from typing import Any

import numpy as np

from app.vision.arrays import Array
from app.vision.graph_surgery.protobuf import contents, integers

_DIMS, _KIND, _FLOATS, _INTEGERS, _RAW = 1, 2, 4, 5, 9
_KINDS: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.uint8),
    3: np.dtype(np.int8),
    6: np.dtype(np.int32),
    10: np.dtype(np.float16),
}


def read(tensor: memoryview) -> Array | None:
    """None for types that weights never have, and if the data is stored outside the file."""
    kind = _KINDS.get(next(iter(integers(tensor, _KIND)), 0))
    shape = integers(tensor, _DIMS)
    if kind is None:
        return None
    values = _values(tensor, kind)
    return values.reshape(shape) if values.size == math.prod(shape) else None


def _values(tensor: memoryview, kind: np.dtype[Any]) -> Array:
    raw = contents(tensor, _RAW)
    if raw:
        return np.frombuffer(bytes(raw[-1]), kind)
    if kind == np.float32:
        return np.frombuffer(b"".join(contents(tensor, _FLOATS)), kind)
    if kind == np.float16:  # its bits would be stored as integers
        return np.empty(0, kind)
    return np.array(integers(tensor, _INTEGERS)).astype(kind)
