"""An ONNX file: its session, what it says of itself, and its family's decoder."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from app.errors import StartError
from app.vision.arrays import Array, FloatType
from app.vision.description import METADATA_KEY, Description, first_problem
from app.vision.families import HEADS, Candidates, Head, Shape
from app.vision.graph_surgery import split
from app.vision.model import ultralytics
from app.vision.model.file_hash import Digest
from app.vision.runtime import session as sessions
from app.vision.runtime.graph_cache import GraphCache
from app.vision.runtime.providers import CPU, short
from app.vision.runtime.session import Session

_DTYPES: dict[str, FloatType] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
}
_SIZE_INPUT = "orig_target_sizes"
_DETR_OUTPUTS = ["labels", "boxes", "scores"]


class Signature(NamedTuple):
    """Names, shapes and type of what goes in and comes out, and whether its sides may vary."""

    image: str
    shape: Shape
    dtype: FloatType
    size_input: bool
    outputs: list[str]
    """What the session is asked for."""
    output_shapes: list[Shape]
    """Of the outputs that the file has."""

    @property
    def dynamic(self) -> bool:
        return self.shape[2] is None and self.shape[3] is None


@dataclass(frozen=True)
class Model:
    session: Session = field(repr=False)
    description: Description
    signature: Signature
    digest: Digest = field(repr=False)
    providers: tuple[str, ...] = ("cpu",)
    """Short names of the execution providers it runs on, the first choice first."""
    cut_head: Head | None = None
    """Where the session ends before the file's graph does, what decodes the outputs there."""

    @property
    def sha256(self) -> str:
        """Of the file, in hexadecimal."""
        return self.digest.sha256

    @property
    def head(self) -> Head:
        return self.cut_head or HEADS[self.description.family]

    def run(self, tensor: Array) -> list[Array]:
        """``tensor`` (1, 3, height, width); the raw outputs, as the family's head takes them."""
        feed = {self.signature.image: tensor}
        if self.signature.size_input:
            height, width = tensor.shape[2:]
            feed[_SIZE_INPUT] = np.array([[width, height]], dtype=np.int64)
        return list(self.session.run(self.signature.outputs, feed))

    def decode(self, outputs: Sequence[Array], tensor: Array, threshold: float) -> Candidates:
        height, width = tensor.shape[2:]
        return self.head.decode(outputs, len(self.description.labels), threshold, (height, width))


def load(
    path: Path,
    threads: int = 1,
    providers: Sequence[str] = (),
    cache_dir: Path | None = None,
    *,
    whole: bool = False,
) -> Model:
    """Its graph to the end, where ``whole``; else only as far as it is of use.

    Raises StartError, in one line, where ``path`` is not a detector that can be served.
    """
    digest = Digest(path)
    # Other processors make all boxes sooner than this one makes some.
    late_boxes = {short(name) for name in providers} <= {short(CPU)}
    trimmed = None if whole else split.trim(_map(digest.file), late_boxes=late_boxes)
    try:
        if trimmed is not None:
            with suppress(StartError):  # of the whole graph, if it cannot be helped
                return _load(path, digest, trimmed, threads, providers, cache_dir)
        return _load(path, digest, None, threads, providers, cache_dir)
    except StartError as error:
        raise StartError(f"The model {path} cannot be served: {error}.") from error


def _load(
    path: Path,
    digest: Digest,
    trimmed: split.Trimmed | None,
    threads: int,
    providers: Sequence[str],
    cache_dir: Path | None,
) -> Model:
    cache = None
    if cache_dir:
        part = "" if trimmed is None else " ".join(trimmed.outputs)
        cache = GraphCache(cache_dir, digest.sha256, part)
    source = path if trimmed is None else trimmed.model
    session, running = sessions.create(source, threads, providers, cache)
    signature = _read_signature(session, trimmed)
    metadata = session.get_modelmeta().custom_metadata_map
    description = _describe(metadata, signature, path.stem)
    _check(description, signature)
    head = None if trimmed is None else trimmed.head
    if head is not None:
        shapes = [_shape(output) for output in session.get_outputs()]
        if description.family != "yolov8" or not head.fits(shapes, len(description.labels)):
            raise StartError("its logits are not those of the family yolov8")
    return Model(session, description, signature, digest, running, head)


def _map(file: int) -> mmap | bytes:
    empty = not os.fstat(file).st_size  # which cannot be mapped
    return b"" if empty else mmap(file, 0, access=ACCESS_READ)


def _read_signature(session: Session, trimmed: split.Trimmed | None) -> Signature:
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: _shape(node) for node in session.get_outputs()}
    if trimmed is not None:
        outputs = trimmed.declared
    size_input = inputs.pop(_SIZE_INPUT, None) is not None
    if len(inputs) != 1:
        raise StartError(f"it has the inputs {sorted(inputs)} where one image is expected")
    (image,) = inputs.values()
    shape = _shape(image)
    if image.type not in _DTYPES or len(shape) != 4 or shape[1] != 3 or shape[0] not in (None, 1):
        raise StartError(
            f"its input is {image.type} {image.shape} where float or float16"
            " [1, 3, height, width] is expected"
        )
    if (shape[2] is None) != (shape[3] is None):
        raise StartError("one of its input's sides is dynamic and the other is not")
    if not outputs:
        raise StartError("it has no outputs")
    names = _DETR_OUTPUTS if set(_DETR_OUTPUTS) <= outputs.keys() else list(outputs)
    shapes = [outputs[name] for name in names]
    if trimmed is not None:
        names = trimmed.outputs
    return Signature(image.name, shape, _DTYPES[image.type], size_input, names, shapes)


def _shape(node: Any) -> Shape:
    return [axis if isinstance(axis, int) else None for axis in node.shape]


def _describe(metadata: dict[str, str], signature: Signature, name: str) -> Description:
    if METADATA_KEY in metadata:
        try:
            return Description.model_validate_json(metadata[METADATA_KEY])
        except ValidationError as error:
            raise StartError(
                f"its metadata '{METADATA_KEY}' is not valid {first_problem(error)}"
            ) from error
    found = ultralytics.describe(metadata, signature.shape, signature.output_shapes, name)
    if found is None:
        raise StartError(_undescribed(signature))
    return found


def _undescribed(signature: Signature) -> str:
    shapes = [list(shape) for shape in signature.output_shapes]
    families = [
        f"{family} {head.layout}"
        for family, head in HEADS.items()
        if (family == "detr") == signature.size_input
    ]
    if signature.outputs != _DETR_OUTPUTS and (len(shapes) > 2 or len(shapes[0]) != 3):
        return f"its outputs {shapes} are those of no family served here: {', '.join(families)}"
    return (
        "it does not say its labels, family and input; have them written into a copy with"
        " 'python -m models.adopt FILE --family FAMILY --labels LABELS'"
        f" (its outputs are {shapes}; families: {', '.join(families)})"
    )


def _check(description: Description, signature: Signature) -> None:
    """The description and the file have to agree."""
    head = HEADS[description.family]
    classes = len(description.labels)
    if not head.fits(signature.output_shapes, classes):
        raise StartError(
            f"its outputs {[list(shape) for shape in signature.output_shapes]} are not those of"
            f" the family {description.family} with {classes} labels, {head.layout}"
        )
    if (description.family == "detr") != signature.size_input:
        raise StartError(f"the input '{_SIZE_INPUT}' belongs to the family detr, and to it alone")
    size = tuple(signature.shape[2:])
    if not signature.dynamic and size != description.input.size:
        raise StartError(
            f"its metadata gives the input size {description.input.size} and its axes {size}"
        )
