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
"""What the session answered for one image."""
Declared = Mapping[str, Shape]
"""Name and shape of each output that a file declares, in the file's order."""
Axes = Mapping[int, str]
"""Open axes of an input or output: their number and their name."""

Task = Literal["detect", "segment", "pose", "obb", "classify"]

BATCH: Axes = {0: "batch"}
SIDES: Axes = {0: "batch", 2: "height", 3: "width"}


class Bind(Protocol):
    def __call__(self, declared: Declared, classes: int | None, /) -> list[str] | None:
        """Names of the outputs that the decoder takes, in its order.

        None if a file with these outputs and so many classes is not of the family. ``classes`` is
        None if the file does not name its labels: then any number fits.
        """
        ...


MaskOutput = Callable[[Declared], str | None]


class Decode(Protocol):
    def __call__(
        self, outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
    ) -> Candidates:
        """Candidates whose score is above ``threshold``; ``input_size`` is height and width."""
        ...


class Feed(Protocol):
    def __call__(self, height: int, width: int, /) -> Array:
        """The value of an input besides the image, for an input tensor of these sides.

        It is cast to the type that the file declares.
        """
        ...


class FitsInput(Protocol):
    def __call__(self, declared: Declared, height: int | None, width: int | None, /) -> bool: ...


class InputOfForm(Protocol):
    def __call__(
        self, declared: Declared, inputs: Collection[str], model_type: str, /
    ) -> InputSpec:
        """The usual preparation for files with these outputs and these inputs besides the image."""
        ...


class Rows(NamedTuple):
    """What a model says that names its classes by number: one row for each object."""

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
        Face, empty if there is none. Only ``models.adopt`` chooses among several.
        """
        ...


class ShortGraph(NamedTuple):
    """A file's graph that ends before the declared outputs, and what decodes it from there."""

    family: str
    """Name of the family whose files have such graphs."""
    model: bytes
    outputs: list[str]
    """Names in the order in which ``decode`` takes them."""
    declared: Declared
    """The outputs of the whole graph."""
    fits: Callable[[Sequence[Shape], int], bool]
    """Whether ``decode`` can read outputs of these shapes with so many classes."""
    decode: Decode
    masks: "ShortMasks | None" = None
    """Of a segmenter."""


class ShortMasks(NamedTuple):
    """What computes masks beside a short graph."""

    head: bytes
    """An ONNX file from the first of the short graph's outputs to the prototypes."""
    decode_with: Callable[[Callable[[Array], Array]], Decode]
    """Makes the decoder from what runs ``head``; it fills ``Candidates.masks``."""


class Shorten(Protocol):
    def __call__(self, file: mmap | bytes, /, *, late_boxes: bool) -> ShortGraph | None:
        """None if the graph has to be run as a whole.

        ``late_boxes`` allows ``decode`` to compute boxes on the CPU that the graph would compute.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Family:
    """Everything that is known of one family; no other module knows a family by name."""

    name: str
    """The name in a file's metadata and on the command line, and of the family's module."""
    models: str
    """The models that are of the family, for people."""
    layout: str
    """The outputs in words, for people."""
    input: InputSpec
    """Usual preparation of the input: the default of ``models.adopt`` and ``models.export``."""
    needs_nms: bool
    """Whether the decoder gives several boxes for one object."""
    bind: Bind
    decode: Decode
    exported: Mapping[str, Axes]
    """Inputs and outputs as ``models.export`` names them, in order, and their open axes."""
    feeds: Mapping[str, Feed] = field(default_factory=dict)
    """Inputs besides the image."""
    optional_feeds: frozenset[str] = frozenset()
    """Names among ``feeds`` that a file of the family need not have."""
    ways: Ways | None = None
    """None if the outputs have one meaning only."""
    with_spec: Callable[[OutputSpec], Decode] | None = None
    """Makes the decoder of a meaning; None if there is one only, that of ``decode``."""
    columns: Callable[[Declared], int | None] | None = None
    """Number of class columns; None if the file leaves it open, or ``bind`` has compared it."""
    rows: ReadRows | None = None
    """Reads rows that have class numbers, all of them, so that they can be checked."""
    usual_inputs: tuple[InputSpec, ...] = ()
    """Other preparations that are usual for the form; ``models.adopt`` tries them on photos."""
    input_of_form: InputOfForm | None = None
    """If the usual preparation differs among the files of the family."""
    tasks: frozenset[str] = frozenset()
    """Tasks of the Ultralytics exporter whose files may be of the family."""
    task: Task = "detect"
    """What is found besides or instead of boxes; a file with ``masks`` is a segmenter."""
    masks: MaskOutput | None = None
    """Names the output (1, maps, height, width) that masks are made from; None if a file has none.
    If masks are wanted, it follows the outputs of ``bind``."""
    spec_fits: SpecFits | None = None
    """Whether outputs can have a meaning; None if ``bind`` and ``columns`` compare enough."""
    described: str = ""
    """Pattern of the Ultralytics exporters' ``description`` of such files, if it tells them."""
    described_only: bool = False
    """Whether files without a ``description`` are never of the family, if another one fits."""
    undescribed_only: bool = False
    """Whether files with a ``description`` are never of the family, if another one fits."""
    by_name_only: bool = False
    """Whether ``models.adopt`` takes a file for one of the family only if it is told so, since the
    outputs look like those of another family with other labels."""
    fits_input: FitsInput | None = None
    """Whether outputs can belong to an input of some size; asked if several families fit."""
    shorten: Shorten | None = None
    """Shortens the graph, if the family's graphs compute more than is looked at."""

    def can_feed(self, inputs: Collection[str]) -> bool:
        """Whether the inputs besides the image are those of the family."""
        names = set(inputs)
        return names <= self.feeds.keys() and self.feeds.keys() - self.optional_feeds <= names


def allows(axis: int | None, size: int) -> bool:
    return axis is None or axis == size


def leaves(axis: int | None, others: int, classes: int | None) -> bool:
    """Whether ``axis`` has ``others`` columns and one for each class."""
    return (axis or 0) > others if classes is None else axis == others + classes


def is_rows(shape: Shape) -> bool:
    """Whether the shape is (1, n, m)."""
    return len(shape) == 3 and allows(shape[0], 1)


def best_of_anchors(output: Array, classes: int, threshold: float) -> tuple[Floats, Floats, Ints]:
    """Anchors of YOLOv8's kind of output (1, 4 + classes + more, anchors), above ``threshold``.

    Rows (n, 4 + classes + more), the score of the best class of each, and that class.
    """
    rows = output[0].astype(np.float32, copy=False)
    scores = rows[4 : 4 + classes]
    anchors = np.flatnonzero(scores.max(axis=0) > threshold)
    picked = rows[:, anchors].T
    best = picked[:, 4 : 4 + classes].argmax(axis=1)
    return picked, picked[np.arange(len(anchors)), 4 + best], best


def corners(boxes: Floats) -> Floats:
    """(n, 4) from centre x, centre y, width, height to x1, y1, x2, y2."""
    half = boxes[:, 2:] / 2
    centre = boxes[:, :2]
    return np.concatenate([centre - half, centre + half], axis=1)


def best_class(scores: Floats, threshold: float) -> tuple[Ints, Floats, Ints]:
    """Rows of ``scores`` (n, classes) whose best is above ``threshold``, that score, its class."""
    rows = np.flatnonzero(scores.max(axis=1) > threshold)
    picked = scores[rows]
    classes = picked.argmax(axis=1)
    return rows, picked[np.arange(len(rows)), classes], classes
