"""A model file before it is described."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from app.errors import StartError
from app.vision import families
from app.vision.arrays import Array
from app.vision.families.base import Declared
from app.vision.model import signature as signatures
from app.vision.model import ultralytics
from app.vision.model.first_bytes import kind_of
from app.vision.model.signature import Signature
from app.vision.runtime import session as sessions
from app.vision.runtime.session import Session
from models.common.commands import CommandError


@dataclass(frozen=True)
class Opened:
    path: Path
    session: Session
    signature: Signature
    stored: dict[str, str]
    """The entries of its metadata."""

    shapes: Declared | None = None
    """Shapes of the outputs in a run, if the file leaves too many of them dynamic."""

    def closed(self, labels: int, size: tuple[int, int] | None) -> "Opened":
        """With output shapes from a run, if the declared shapes do not identify a family."""
        declared, others = self.signature.declared, self.signature.others
        fed = [family for family in families.every() if family.can_feed(others)]
        is_open = any(axis is None for shape in declared.values() for axis in shape)
        if size is None or not is_open or any(f.bind(declared, labels) for f in fed):
            return self
        tensor = np.zeros((1, 3, *size), self.signature.dtype)
        arranged = self.signature.arrangement
        feed = {self.signature.image: tensor if arranged is None else arranged.apply(tensor)}
        for name, other in others.items():
            owner = next(family for family in fed if name in family.feeds)
            feed[name] = other.fit(owner.feeds[name](*size))
        try:
            outputs = self.run(feed)
        except Exception as error:  # onnxruntime's exception classes have no common public base
            height, width = size
            raise CommandError(
                f"{self.path} does not run with an input of {width} x {height}; give the size it"
                " was exported for with --size, or export it with fixed axes."
            ) from error
        shapes = {name: output.shape for name, output in zip(declared, outputs, strict=True)}
        return replace(self, signature=self.signature._replace(declared=shapes), shapes=shapes)

    def run(self, feed: dict[str, Array]) -> list[Array]:
        """Returns all declared outputs. Errors are raised but not logged by onnxruntime."""
        options = onnxruntime.RunOptions()
        options.log_severity_level = 4
        session: Any = self.session
        return list(session.run(list(self.signature.declared), feed, options))

    @property
    def axes(self) -> tuple[int, int] | None:
        """Height and width of the image input; None if they are dynamic."""
        height, width = self.signature.shape[2:]
        return None if height is None or width is None else (height, width)


def open_file(path: Path, shown: Path) -> Opened:
    """``shown`` is the file's name in messages.

    Raises CommandError if the file is not a model, or its inputs are not those of a detector.
    """
    with path.open("rb") as file:
        kind = kind_of(file.read(4096))
    if kind:
        raise CommandError(f"{shown} cannot be adopted: {kind}.")
    if path.suffix == ".ort":
        raise CommandError(
            f"{shown} cannot be adopted: its metadata cannot be changed in the ORT format; adopt"
            " the .onnx file and convert the copy."
        )
    try:
        session, _ = sessions.create(path, sessions.Execution(threads=2))
        found = signatures.read(session)
        stored = dict(session.get_modelmeta().custom_metadata_map)
        ultralytics.require_served_task(stored)
    except StartError as error:
        raise CommandError(f"{shown} cannot be adopted: {error}.") from error
    return Opened(path, session, found, stored)
