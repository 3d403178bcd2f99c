"""The only writer of metadata into ONNX files.

It edits the top-level fields of the serialized ``ModelProto`` and copies every other byte, so that
it needs no ``onnx`` package, knows every version of the format and changes nothing else.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from app.vision.description import METADATA_KEY, Description
from models.common.commands import CommandError

_METADATA_PROPS = 14  # of ModelProto: repeated StringStringEntryProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_VARINT_BYTES = 10


@dataclass(frozen=True)
class _Field:
    number: int
    start: int
    """Of the field with its tag; ``end`` is behind it."""
    end: int
    payload: int
    """Where the content begins, behind tag and length."""
    wire: int


def read(model: bytes) -> dict[str, str]:
    """The metadata entries; the last of one key holds. Raises CommandError for a broken file."""
    entries = (_entry(model, field) for field in _fields(model, 0, len(model)) if _is_entry(field))
    return dict(entries)


def write(model: bytes, entries: Mapping[str, str]) -> bytes:
    """``model`` with ``entries`` in place of earlier ones of the same keys."""
    added = [
        _delimited(
            _METADATA_PROPS, _delimited(_KEY, key.encode()) + _delimited(_VALUE, value.encode())
        )
        for key, value in entries.items()
    ]
    return b"".join([without(model, entries), *added])


def without(model: bytes, keys: Collection[str]) -> bytes:
    """``model`` as it was before entries of these ``keys`` were written."""
    kept, position = [], 0
    for field in _fields(model, 0, len(model)):
        if _is_entry(field) and _entry(model, field)[0] in keys:
            kept.append(model[position : field.start])
            position = field.end
    return b"".join([*kept, model[position:]])


def describe(model: bytes, description: Description) -> bytes:
    """``model`` with ``description`` in the form that the service reads."""
    return write(model, {METADATA_KEY: description.model_dump_json(exclude_none=True)})


def _is_entry(field: _Field) -> bool:
    return field.number == _METADATA_PROPS and field.wire == _DELIMITED


def _entry(model: bytes, entry: _Field) -> tuple[str, str]:
    texts = {_KEY: "", _VALUE: ""}
    for field in _fields(model, entry.payload, entry.end):
        if field.number in texts and field.wire == _DELIMITED:
            texts[field.number] = model[field.payload : field.end].decode(errors="replace")
    return texts[_KEY], texts[_VALUE]


def _fields(data: bytes, start: int, end: int) -> Iterator[_Field]:
    position = start
    while position < end:
        tag, payload = _varint(data, position, end)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            _, stop = _varint(data, payload, end)
        elif wire == _DELIMITED:
            length, payload = _varint(data, payload, end)
            stop = payload + length
        elif wire in _FIXED_BYTES:
            stop = payload + _FIXED_BYTES[wire]
        else:
            raise _broken(position)
        if number == 0 or stop > end:
            raise _broken(position)
        yield _Field(number, position, stop, payload, wire)
        position = stop


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """The number that begins at ``position``, and where it ends."""
    value = 0
    for index in range(position, min(end, position + _VARINT_BYTES)):
        value |= (data[index] & 0x7F) << 7 * (index - position)
        if data[index] < 0x80:
            return value, index + 1
    raise _broken(position)


def _delimited(number: int, content: bytes) -> bytes:
    return _to_varint(number << 3 | _DELIMITED) + _to_varint(len(content)) + content


def _to_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _broken(position: int) -> CommandError:
    return CommandError(
        f"This is no ONNX file, or a truncated or corrupt one (at byte {position})."
    )
