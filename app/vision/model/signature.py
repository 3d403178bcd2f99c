"""The image input and the other inputs of a session, and their types and layouts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from app.errors import StartError
from app.vision import families
from app.vision.arrays import Array, FloatType, Shape
from app.vision.families.base import Declared
from app.vision.runtime.session import Session

_DTYPES: dict[str, FloatType] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(uint8)": np.dtype(np.float32),
}
"""Type of the input tensor before ``Arrangement`` converts it to the declared type."""
_BYTES = "tensor(uint8)"
_OTHER_TYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(bool)": np.bool_,
}


class Arrangement(NamedTuple):
    """How a file expects the image, if not as floats (1, 3, height, width)."""

    is_bytes: bool
    """Whether it takes pixels 0..255 as integers."""
    channels_last: bool
    batched: bool

    def apply(self, tensor: Array) -> Array:
        if self.is_bytes:
            tensor = np.rint(tensor).clip(0, 255).astype(np.uint8)
        if self.channels_last:
            tensor = np.ascontiguousarray(tensor.transpose(0, 2, 3, 1))
        return tensor if self.batched else tensor[0]


_USUAL = Arrangement(is_bytes=False, channels_last=False, batched=True)


class OtherInput(NamedTuple):
    dtype: Any
    shape: Shape

    def fit(self, value: Array) -> Array:
        """``value`` in the declared type; a map is broadcast to the declared shape."""
        if value.ndim > 2:
            sides = [size or given for size, given in zip(self.shape, value.shape, strict=True)]
            value = np.broadcast_to(value[..., :1, :1], sides)
        return value.astype(self.dtype)


class Signature(NamedTuple):
    image: str
    """Name of the image input."""
    shape: Shape
    """(1, 3, height, width) of the image input."""
    dtype: FloatType
    declared: Declared
    """The outputs of the file's full graph."""
    others: Mapping[str, OtherInput] = MappingProxyType({})
    """Inputs other than the image, by name; each of them is fed by some family."""
    arrangement: Arrangement | None = None
    """None if the file takes the image as float (1, 3, height, width)."""

    @property
    def takes_bytes(self) -> bool:
        """Whether the image input takes pixels 0..255 as integers."""
        return self.arrangement is not None and self.arrangement.is_bytes

    @property
    def dynamic(self) -> bool:
        """Whether height and width are dynamic."""
        return self.shape[2] is None and self.shape[3] is None


def read(session: Session, declared: Declared | None = None) -> Signature:
    """``declared`` are the file's outputs, if the session's graph ends before them.

    Raises StartError if there is no supported image input.
    """
    inputs = {node.name: node for node in session.get_inputs()}
    declared = declared or {node.name: shape_of(node) for node in session.get_outputs()}
    names = _others(inputs)
    others = {name: _other(inputs[name]) for name in names}
    images = [node for name, node in inputs.items() if name not in others]
    if len(images) != 1:
        names = sorted(node.name for node in images)
        raise StartError(f"it has the inputs {names} where one image is expected")
    (image,) = images
    shape, arrangement = _arrange(image)
    if (shape[2] is None) != (shape[3] is None):
        raise StartError(
            "one of its input's sides is dynamic and the other is not; export it with both sides"
            " fixed, or with both dynamic"
        )
    if not declared:
        raise StartError("it has no outputs")
    usual = None if arrangement == _USUAL else arrangement
    return Signature(image.name, shape, _DTYPES[image.type], declared, others, usual)


def _arrange(image: Any) -> tuple[Shape, Arrangement]:
    """The image input as (1, 3, height, width), and how the file expects it.

    Raises StartError if it is not an image with three channels.
    """
    axes = shape_of(image)
    batched = len(axes) == 4
    sides = list(axes) if batched else [1, *axes]
    last = len(sides) == 4 and sides[3] == 3 and sides[1] != 3
    shape = [sides[0], sides[3], sides[1], sides[2]] if last else sides
    told = f"its input is {image.type} {image.shape}"
    if len(shape) == 4 and shape[1] in (3, None) and shape[0] not in (None, 1):
        raise StartError(
            f"{told} where float or float16 [1, 3, height, width] is expected: it takes"
            f" {shape[0]} pictures at once; export it with a batch of 1 or a dynamic one"
        )
    if image.type not in _DTYPES or len(shape) != 4 or shape[1] not in (3, None):
        raise StartError(
            f"{told} where float or float16 [1, 3, height, width] is expected (uint8, channels"
            " last or no batch axis serve too); export it for pictures of three channels"
        )
    shape = [shape[0], 3, *shape[2:]]
    return shape, Arrangement(image.type == _BYTES, last, batched)


def _other(node: Any) -> OtherInput:
    if node.type not in _OTHER_TYPES:
        raise StartError(f"its input '{node.name}' is {node.type}, and numbers are expected")
    return OtherInput(_OTHER_TYPES[node.type], shape_of(node))


def shape_of(node: Any) -> Shape:
    return [axis if isinstance(axis, int) else None for axis in node.shape]


def _others(inputs: dict[str, Any]) -> list[str]:
    if len(inputs) == 1 and len(next(iter(inputs.values())).shape) > 2:
        return []  # the usual file; no family has to be imported to decide this
    fed = {name for family in families.every() for name in family.feeds}
    return [name for name in inputs if name in fed]
