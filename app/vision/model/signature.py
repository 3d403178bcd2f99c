"""The image input and the other inputs of a session."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from app.errors import StartError
from app.vision import families
from app.vision.arrays import FloatType, Shape
from app.vision.families.base import Declared
from app.vision.runtime.session import Session

_DTYPES: dict[str, FloatType] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
}


class Signature(NamedTuple):
    image: str
    """Name of the image input."""
    shape: Shape
    """(1, 3, height, width) of the image input."""
    dtype: FloatType
    declared: Declared
    """The outputs of the file's whole graph."""
    others: Sequence[str] = ()
    """Names of the inputs besides the image; each is one that some family feeds."""

    @property
    def dynamic(self) -> bool:
        """Whether height and width may vary."""
        return self.shape[2] is None and self.shape[3] is None


def read(session: Session, declared: Declared | None = None) -> Signature:
    """``declared`` are the file's outputs if the session's graph ends before them.

    Raises StartError if there is no image input that can be served.
    """
    inputs = {node.name: node for node in session.get_inputs()}
    declared = declared or {node.name: shape_of(node) for node in session.get_outputs()}
    others = _others(inputs)
    images = [node for name, node in inputs.items() if name not in others]
    if len(images) != 1:
        names = sorted(node.name for node in images)
        raise StartError(f"it has the inputs {names} where one image is expected")
    (image,) = images
    shape = shape_of(image)
    if image.type not in _DTYPES or len(shape) != 4 or shape[1] != 3 or shape[0] not in (None, 1):
        raise StartError(
            f"its input is {image.type} {image.shape} where float or float16"
            " [1, 3, height, width] is expected"
        )
    if (shape[2] is None) != (shape[3] is None):
        raise StartError("one of its input's sides is dynamic and the other is not")
    if not declared:
        raise StartError("it has no outputs")
    return Signature(image.name, shape, _DTYPES[image.type], declared, others)


def shape_of(node: Any) -> Shape:
    return [axis if isinstance(axis, int) else None for axis in node.shape]


def _others(inputs: dict[str, Any]) -> list[str]:
    if [len(node.shape) for node in inputs.values()] == [4]:
        return []  # the usual file; no other family has to be imported to tell
    fed = {name for family in families.every() for name in family.feeds}
    return [name for name in inputs if name in fed]
