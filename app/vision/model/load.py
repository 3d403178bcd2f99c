"""Loads an ONNX file as a model that is ready to run."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path

from app.errors import StartError
from app.vision import description as descriptions
from app.vision import families
from app.vision.arrays import Array
from app.vision.description import Description
from app.vision.detections import Candidates
from app.vision.families.base import Decode, Family, ShortGraph, Task
from app.vision.model import metadata, ultralytics
from app.vision.model import signature as signatures
from app.vision.model.check import outputs_of
from app.vision.model.file_hash import FileHash
from app.vision.model.first_bytes import kind_of
from app.vision.model.signature import Signature, shape_of
from app.vision.runtime import session as sessions
from app.vision.runtime.session import Execution, Precision, Session


@dataclass(frozen=True)
class Model:
    session: Session = field(repr=False)
    description: Description
    signature: Signature
    outputs: list[str]
    """Output names to request from the session, in the order in which ``decoder`` takes them."""
    decoder: Decode
    file_hash: FileHash = field(repr=False)
    mask_output: str | None = None
    """The additional output to request if masks are wanted."""
    has_masks: bool = False
    providers: tuple[str, ...] = ("cpu",)
    """Short names of the execution providers in use, in order of preference."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, in hexadecimal."""
        return self.file_hash.sha256

    @property
    def family(self) -> Family:
        return families.get(self.description.family)

    def feed(self, tensor: Array) -> dict[str, Array]:
        """All inputs of the session for the image ``tensor`` (1, 3, height, width)."""
        height, width = tensor.shape[2:]
        feeds = self.family.feeds
        others = {
            name: other.fit(feeds[name](height, width))
            for name, other in self.signature.others.items()
        }
        arranged = self.signature.arrangement
        image = tensor if arranged is None else arranged.apply(tensor)
        return {self.signature.image: image, **others}

    @property
    def task(self) -> Task:
        return "segment" if self.has_masks else self.family.task

    def run(self, tensor: Array, *, masks: bool = False) -> list[Array]:
        """``masks`` requests masks, if the model has them."""
        wanted = self.outputs
        if masks and self.mask_output is not None:
            wanted = [*wanted, self.mask_output]
        return list(self.session.run(wanted, self.feed(tensor)))

    def decode(self, outputs: Sequence[Array], tensor: Array, threshold: float) -> Candidates:
        height, width = tensor.shape[2:]
        return self.decoder(outputs, len(self.description.labels), threshold, (height, width))


def load(
    path: Path,
    threads: int = 1,
    providers: Sequence[str] = (),
    openvino_precision: Precision = "float32",
    *,
    whole: bool = False,
) -> Model:
    """``whole`` always runs the full graph, up to the outputs that the file declares.

    Raises StartError with a one-line message if ``path`` is not a detector that can be served.
    """
    file_hash = FileHash(path)
    execution = Execution(threads, providers, openvino_precision)
    # Other devices compute all boxes sooner than this processor computes a few.
    late_boxes = execution.on_this_processor
    shorter = None if whole else _shorten(file_hash.content(), late_boxes=late_boxes)
    try:
        if shorter is not None:
            with suppress(StartError):  # then the whole graph is served, or its error reported
                return _load(path, file_hash, shorter, execution)
        return _load(path, file_hash, None, execution)
    except StartError as error:
        kind = _kind(file_hash)
        told = f"onnxruntime cannot load it ({kind})" if kind else error
        raise StartError(f"The model {path} cannot be served: {told}.") from error


def _kind(file_hash: FileHash) -> str | None:
    """The kind of file it is if it is not a model, if known."""
    with suppress(ValueError):
        return kind_of(file_hash.content()[:4096])
    return None


def _shorten(file: mmap | bytes, *, late_boxes: bool) -> ShortGraph | None:
    """The shortened graph of a family that the file may belong to, if it has one."""
    with suppress(StartError, ValueError):  # of broken files, which the session reports
        with memoryview(file) as content:
            stored = metadata.read(content)
        described = descriptions.read(stored)
        likely = [families.get(described.family)] if described else ultralytics.families(stored)
        for family in likely:
            if family.shorten and (found := family.shorten(file, late_boxes=late_boxes)):
                return found
    return None


def _load(
    path: Path,
    file_hash: FileHash,
    shorter: ShortGraph | None,
    execution: Execution,
) -> Model:
    session, running = sessions.create(shorter.model if shorter else path, execution)
    signature = signatures.read(session, shorter.declared if shorter else None)
    description = _describe(session.get_modelmeta().custom_metadata_map, signature, path.stem)
    family = families.get(description.family)
    outputs = outputs_of(description, family, signature)
    decoder = family.decode
    if description.output is not None and family.with_spec is not None:
        decoder = family.with_spec(description.output)
    masks = family.masks(signature.declared) if family.masks else None
    if shorter is not None:
        shapes = [shape_of(node) for node in session.get_outputs()]
        fits = shorter.fits(shapes, len(description.labels)) and description.output is None
        if family.name != shorter.family or not fits:
            raise StartError(
                f"its graph is not one of the family {shorter.family} that can be shortened"
            )
        outputs, decoder = shorter.outputs, shorter.decode
        if shorter.masks is not None:
            run_head = _runner(shorter.masks.head, execution)
            decoder = shorter.masks.decode_with(run_head)
    return Model(
        session,
        description,
        signature,
        outputs,
        decoder,
        file_hash,
        masks if shorter is None else None,
        masks is not None,
        running,
    )


def _runner(graph: bytes, execution: Execution) -> Callable[[Array], Array]:
    """Runs a graph with one input and one output."""
    session, _ = sessions.create(graph, execution)
    (into,), (out,) = session.get_inputs(), session.get_outputs()

    def run(value: Array) -> Array:
        found: Array = session.run([out.name], {into.name: value})[0]
        return found

    return run


def _describe(stored: Mapping[str, str], signature: Signature, name: str) -> Description:
    found = descriptions.read(stored)
    if found is None:
        try:
            found = ultralytics.describe(
                stored, signature.shape, signature.declared, name, is_bytes=signature.takes_bytes
            )
        except ultralytics.OtherTaskError:
            raise
        except StartError as error:
            raise StartError(f"{error}; {_ADOPT} writes what is missing") from error
    if found is None:
        raise StartError(_undescribed(signature))
    return found


_ADOPT = "'python -m models.adopt FILE --labels LABELS'"


def _undescribed(signature: Signature) -> str:
    shapes = [list(shape) for shape in signature.declared.values()]
    fed = [
        family
        for family in families.every()
        if family.can_feed(signature.others) and not family.by_name_only
    ]
    fitting = [family for family in fed if family.bind(signature.declared, None)]
    if not fitting:
        return (
            f"its outputs {shapes} are those of no family served here, such as"
            f" {_listed(fed[:5])}; export it in the form of one, with all output sides fixed"
        )
    return (
        f"it does not say its labels, family and input; have them written into a copy with {_ADOPT}"
        f" (its outputs are {shapes}; families: {_listed(fitting)})"
    )


def _listed(some: Sequence[Family]) -> str:
    return ", ".join(f"{family.name} {family.layout}" for family in some)
