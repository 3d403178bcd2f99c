"""Weights stored in files beside the model (``.onnx_data``, ``.onnx.data``)."""

import shutil
from pathlib import Path, PurePosixPath

from app.vision.graph_surgery.protobuf import contents
from models.common.commands import CommandError

_GRAPH, _INITIALIZER, _EXTERNAL, _KEY, _VALUE = 7, 5, 13, 1, 2
"""Fields of ModelProto, GraphProto, TensorProto and StringStringEntryProto."""


def locations(model: bytes) -> set[str]:
    """File names relative to the model. Raises CommandError for one outside its folder."""
    found = set()
    try:
        for graph in contents(memoryview(model), _GRAPH):
            for tensor in contents(graph, _INITIALIZER):
                for entry in contents(tensor, _EXTERNAL):
                    key, value = (_text(entry, number) for number in (_KEY, _VALUE))
                    if key == "location":
                        found.add(value)
    except ValueError as error:
        raise CommandError(
            f"This is not an ONNX file, or it is truncated or corrupt ({error})."
        ) from error
    for name in found:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise CommandError(f"The model's weights are outside its folder, in {name}.")
    return found


def copy(model: bytes, source: Path, folder: Path) -> list[Path]:
    """Copies the weight files of ``source`` to ``folder``; returns the newly created ones.

    Raises CommandError if one is missing, or if ``folder`` has a different file with its name.
    """
    made = []
    for name in sorted(locations(model)):
        weights, copied = source.parent / name, folder / name
        if not weights.is_file():
            raise CommandError(f"The model's weights are missing: {weights}.")
        if copied.exists():
            if copied.samefile(weights) or _same(copied, weights):
                continue
            raise CommandError(
                f"{copied} exists and is a different file; give --out in a new folder."
            )
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(weights, copied)
        made.append(copied)
    return made


def _same(a: Path, b: Path) -> bool:
    if a.stat().st_size != b.stat().st_size:
        return False
    with a.open("rb") as one, b.open("rb") as other:
        while block := one.read(1 << 20):
            if block != other.read(1 << 20):
                return False
    return True


def _text(content: memoryview, number: int) -> str:
    found = contents(content, number)
    return bytes(found[-1]).decode(errors="replace") if found else ""
