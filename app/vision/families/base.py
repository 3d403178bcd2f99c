"""The record that each model family fills in, and parts that several families use."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from mmap import mmap
from typing import Literal, NamedTuple, Protocol

import numpy as np

from app.vision.arrays import Array, Floats, Ints, Shape
from app.vision.detections import Candidates
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec

Outputs = Sequence[Array]
"""The outputs of the session for one image."""
Declared = Mapping[str, Shape]
"""Name and shape of each output that a file declares, in the file's order."""
Axes = Mapping[int, str]
"""Dynamic axes of an input or output: axis number to axis name."""

Task = Literal["detect", "segment", "pose", "obb", "classify"]

BATCH: Axes = {0: "batch"}
SIDES: Axes = {0: "batch", 2: "height", 3: "width"}


class Bind(Protocol):
    def __call__(self, declared: Declared, classes: int | None, /) -> list[str] | None:
        """Names of the outputs that the decoder takes, in its order.

        None if a file with these outputs and this number of classes does not belong to the family.
        ``classes`` is None if the file does not name its labels: then any number fits.
        """
        ...


MaskOutput = Callable[[Declared], str | None]


class Decode(Protocol):
    def __call__(
        self, outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
    ) -> Candidates:
        """Candidates whose score is above ``threshold``; ``input_size`` is (height, width)."""
        ...


class Feed(Protocol):
    def __call__(self, height: int, width: int, /) -> Array:
        """The value of an additional input, for an input tensor of this height and width.

        It is cast to the type that the file declares.
        """
        ...


class FitsInput(Protocol):
    def __call__(self, declared: Declared, height: int | None, width: int | None, /) -> bool: ...


class InputOfForm(Protocol):
    def __call__(
        self, declared: Declared, inputs: Collection[str], model_type: str, /
    ) -> InputSpec:
        """The usual preprocessing for files with these outputs and these additional inputs."""
        ...


class Rows(NamedTuple):
    """Detections of a model that numbers its classes, one row per object."""

    boxes: Array
    """(n, 4)."""
    scores: Array
    """(n,)."""
    numbers: Array
    """(n,): class numbers as the model counts them."""


class ReadRows(Protocol):
    def __call__(self, outputs: Outputs, spec: OutputSpec, /) -> Rows: ...


class SpecFits(Protocol):
    def __call__(self, declared: Declared, classes: int, spec: OutputSpec, /) -> bool: ...


class Ways(Protocol):
    def __call__(self, declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
        """Meanings that outputs bound by the family may have, the most usual first.

        ``labels`` is the number of labels; ``model_type`` is that of a ``config.json`` of Hugging
        Face, empty if there is none. Only ``models.adopt`` has to choose between several.
        """
        ...


class ShortGraph(NamedTuple):
    """A file's graph cut before the declared outputs, and the decoder for the cut graph."""

    family: str
    """Name of the family that such graphs belong to."""
    model: bytes
    outputs: list[str]
    """Names in the order in which ``decode`` takes them."""
    declared: Declared
    """The outputs of the full graph."""
    fits: Callable[[Sequence[Shape], int], bool]
    """Whether ``decode`` can read outputs of these shapes with this number of classes."""
    decode: Decode
    masks: "ShortMasks | None" = None
    """None unless the model is a segmenter."""


class ShortMasks(NamedTuple):
    """Computes masks after a cut graph."""

    head: bytes
    """An ONNX file: from the cut graph's first output to the prototypes."""
    decode_with: Callable[[Callable[[Array], Array]], Decode]
    """Makes a decoder from a function that runs ``head``; it fills ``Candidates.masks``."""


class Shorten(Protocol):
    def __call__(self, file: mmap | bytes, /, *, late_boxes: bool) -> ShortGraph | None:
        """None if the full graph has to be run.

        ``late_boxes`` allows ``decode`` to compute on the CPU the boxes that the graph would
        compute.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Family:
    """Everything that is specific to one family; no other module refers to a family by name."""

    name: str
    """The name in a file's metadata and on the command line, and of the family's module."""
    models: str
    """The models of the family, for display."""
    layout: str
    """The outputs in words, for display."""
    input: InputSpec
    """The usual preprocessing: the default of ``models.adopt`` and ``models.export``."""
    needs_nms: bool
    """Whether the decoder may return several boxes for one object."""
    bind: Bind
    decode: Decode
    exported: Mapping[str, Axes]
    """Input and output names in ``models.export``, in order, with their dynamic axes."""
    feeds: Mapping[str, Feed] = field(default_factory=dict)
    """Inputs other than the image."""
    optional_feeds: frozenset[str] = frozenset()
    """Names in ``feeds`` that a file of the family may lack."""
    ways: Ways | None = None
    """None if the outputs have only one meaning."""
    with_spec: Callable[[OutputSpec], Decode] | None = None
    """Makes the decoder for a meaning; None if there is only one, that of ``decode``."""
    columns: Callable[[Declared], int | None] | None = None
    """Number of class columns; None if the file leaves it open or ``bind`` has checked it."""
    rows: ReadRows | None = None
    """Reads all rows with class numbers, so that they can be validated."""
    usual_inputs: tuple[InputSpec, ...] = ()
    """Other common preprocessing for such files; ``models.adopt`` tries it on photos."""
    input_of_form: InputOfForm | None = None
    """Chooses the usual preprocessing, if it differs between the files of the family."""
    tasks: frozenset[str] = frozenset()
    """Tasks of the Ultralytics exporter whose files may belong to the family."""
    task: Task = "detect"
    """The task of the family's files; those with ``masks`` are segmenters."""
    masks: MaskOutput | None = None
    """Name of the output (1, maps, height, width) that masks are made from; None if a file has
    none. If masks are wanted, it follows the outputs of ``bind``."""
    spec_fits: SpecFits | None = None
    """Whether outputs can have a meaning; None if ``bind`` and ``columns`` check enough."""
    described: str = ""
    """Pattern of the Ultralytics exporters' ``description`` of such files, if it is specific."""
    described_only: bool = False
    """Whether a file without a ``description`` belongs to another family if one fits."""
    undescribed_only: bool = False
    """Whether a file with a ``description`` belongs to another family if one fits."""
    by_name_only: bool = False
    """Whether ``models.adopt`` must be told the family by name, since the outputs look like those
    of another family with other labels."""
    fits_input: FitsInput | None = None
    """Whether outputs can belong to an input of this size; used if several families fit."""
    shorten: Shorten | None = None
    """Shortens the graph, if the family's graphs compute more than is needed."""

    def can_feed(self, inputs: Collection[str]) -> bool:
        """Whether the additional inputs are those of the family."""
        names = set(inputs)
        return names <= self.feeds.keys() and self.feeds.keys() - self.optional_feeds <= names


def allows(axis: int | None, size: int) -> bool:
    return axis is None or axis == size


def leaves(axis: int | None, others: int, classes: int | None) -> bool:
    """Whether ``axis`` has ``others`` columns plus one per class."""
    return (axis or 0) > others if classes is None else axis == others + classes


def is_rows(shape: Shape) -> bool:
    """Whether the shape is (1, n, m)."""
    return len(shape) == 3 and allows(shape[0], 1)


def best_of_anchors(output: Array, classes: int, threshold: float) -> tuple[Floats, Floats, Ints]:
    """Anchors above ``threshold`` in a YOLOv8-style output (1, 4 + classes + more, anchors).

    Returns rows (n, 4 + classes + more), the best score of each row, and its class.
    """
    rows = output[0].astype(np.float32, copy=False)
    scores = rows[4 : 4 + classes]
    anchors = np.flatnonzero(scores.max(axis=0) > threshold)
    picked = rows[:, anchors].T
    best = picked[:, 4 : 4 + classes].argmax(axis=1)
    return picked, picked[np.arange(len(anchors)), 4 + best], best


def corners(boxes: Floats) -> Floats:
    """Converts (n, 4) from centre x, centre y, width, height to x1, y1, x2, y2."""
    half = boxes[:, 2:] / 2
    centre = boxes[:, :2]
    return np.concatenate([centre - half, centre + half], axis=1)


def best_class(scores: Floats, threshold: float) -> tuple[Ints, Floats, Ints]:
    """Rows of ``scores`` (n, classes) with one above ``threshold``, the best score, its class."""
    rows = np.flatnonzero(scores.max(axis=1) > threshold)
    picked = scores[rows]
    classes = picked.argmax(axis=1)
    return rows, picked[np.arange(len(rows)), classes], classes
