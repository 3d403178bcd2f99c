"""Reads and writes the metadata of an ONNX file without the ``onnx`` package.

Writing edits the top-level fields of the serialized ``ModelProto`` and copies every other byte, so
that it works for every version of the format and changes nothing else.
"""

from collections.abc import Collection, Mapping

from app.vision.description import METADATA_KEY, Description
from app.vision.graph_surgery.protobuf import field, fields
from app.vision.model.metadata import ENTRY, KEY, VALUE, entry
from app.vision.model.metadata import read as read_entries
from models.common.commands import CommandError


def read(model: bytes) -> dict[str, str]:
    """The metadata entries. Raises CommandError if ``model`` is not an ONNX file."""
    try:
        return read_entries(memoryview(model))
    except ValueError as error:
        raise _broken(error) from error


def write(model: bytes, entries: Mapping[str, str]) -> bytes:
    """``model`` with ``entries``, which replace earlier ones with the same keys."""
    added = [
        field(ENTRY, field(KEY, key.encode()) + field(VALUE, value.encode()))
        for key, value in entries.items()
    ]
    return b"".join([without(model, entries), *added])


def without(model: bytes, keys: Collection[str]) -> bytes:
    """``model`` without the entries that have these ``keys``."""
    kept, position = [], 0
    try:
        for number, begin, start, end in fields(model):
            if number == ENTRY and entry(memoryview(model)[start:end])[0] in keys:
                kept.append(model[position:begin])
                position = end
    except ValueError as error:
        raise _broken(error) from error
    return b"".join([*kept, model[position:]])


def describe(model: bytes, description: Description) -> bytes:
    """``model`` with ``description`` in the form that the service reads."""
    return write(model, {METADATA_KEY: description.model_dump_json(exclude_none=True)})


def _broken(error: ValueError) -> CommandError:
    return CommandError(f"This is not an ONNX file, or it is truncated or corrupt ({error}).")
