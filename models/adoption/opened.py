"""A model file as it is, before it is described."""

from dataclasses import dataclass
from pathlib import Path

from app.errors import StartError
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

    @property
    def axes(self) -> tuple[int, int] | None:
        """Height and width of the image input; None if they are dynamic."""
        height, width = self.signature.shape[2:]
        return None if height is None or width is None else (height, width)


def open_file(path: Path, shown: Path) -> Opened:
    """``shown`` is the file's name in messages.

    Raises CommandError if the file is no model, or its inputs are not those of a detector.
    """
    with path.open("rb") as file:
        kind = kind_of(file.read(4096))
    if kind:
        raise CommandError(f"{shown} cannot be adopted: {kind}.")
    if path.suffix == ".ort":
        raise CommandError(
            f"{shown} cannot be adopted: its metadata cannot be written in the ORT format; adopt"
            " the .onnx file and convert the copy."
        )
    try:
        session, _ = sessions.create(path, 2)
        found = signatures.read(session)
        stored = dict(session.get_modelmeta().custom_metadata_map)
        ultralytics.require_detector(stored)
    except StartError as error:
        raise CommandError(f"{shown} cannot be adopted: {error}.") from error
    return Opened(path, session, found, stored)
