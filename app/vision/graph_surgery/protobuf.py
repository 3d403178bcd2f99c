"""Reads and writes the fields of a message in protobuf's wire format.

Importing the protobuf library takes longer than reading a whole model with this module.
"""

from collections.abc import Iterator

Message = bytes | memoryview
Field = tuple[int, int, int, int]
"""Field number, and three offsets: start of the field, start and end of its content."""

_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED = {1: 8, 5: 4}
_NEGATIVE = 1 << 63
_ONES = (1 << 64) - 1


def fields(message: Message) -> Iterator[Field]:
    """Raises ValueError if ``message`` is not a valid message."""
    start, size = 0, len(message)
    while start < size:
        begin = start
        key, start = varint(message, start)
        kind = key & 7
        if kind == _LENGTH_DELIMITED:
            length, start = varint(message, start)
            end = start + length
        elif kind == _VARINT:
            end = varint(message, start)[1]
        elif kind in _FIXED:
            end = start + _FIXED[kind]
        else:
            raise ValueError(f"The field at byte {begin} has the unknown wire type {kind}.")
        if end > size:
            raise ValueError(f"The field at byte {begin} is longer than its message.")
        if key < 8:
            raise ValueError(f"The field at byte {begin} has the number 0.")
        yield key >> 3, begin, start, end
        start = end


def varint(message: Message, start: int) -> tuple[int, int]:
    """The varint at ``start``, and the offset after it."""
    if start < len(message) and message[start] < 128:  # most numbers are small
        return message[start], start + 1
    value = shift = 0
    for place in range(start, min(start + 10, len(message))):
        byte = message[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & _ONES, place + 1
        shift += 7
    raise ValueError(f"The number at byte {start} has no end.")


def integers(message: Message, wanted: int) -> list[int]:
    """All integers in the fields with the number ``wanted``, including packed ones."""
    found = []
    for number, _, start, end in fields(message):
        while number == wanted and start < end:
            value, start = varint(message, start)
            found.append(value if value < _NEGATIVE else value - 2 * _NEGATIVE)
    return found


def contents(message: memoryview, wanted: int) -> list[memoryview]:
    """The contents of all fields with the number ``wanted``."""
    return [message[start:end] for number, _, start, end in fields(message) if number == wanted]


def text(message: Message, wanted: int) -> str:
    """The first field with the number ``wanted``; empty if there is none."""
    for number, _, start, end in fields(message):
        if number == wanted:
            return bytes(message[start:end]).decode()
    return ""


def field(number: int, content: bytes) -> bytes:
    return head(number, len(content)) + content


def head(number: int, size: int) -> bytes:
    """The bytes that precede the ``size`` bytes of a field's content."""
    begin = bytearray([number << 3 | _LENGTH_DELIMITED])
    while size > 127:
        begin.append(size & 127 | 128)
        size >>= 7
    begin.append(size)
    return bytes(begin)
