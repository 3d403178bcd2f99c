"""How the graph of an ONNX file hangs together, and the file again with less of it.

Read from protobuf's wire format: the library would take longer to import than all of this does.
Field numbers are those of ``onnx.proto``.
"""

from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.vision.arrays import Array
from app.vision.heads import Shape

EXTERNAL_DATA = b"\x0a\x08location"
"""The key of a tensor that lies in a file of its own, which is not in the model's hash."""

_NEGATIVE = 1 << 63
_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED = {1: 8, 5: 4}

_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR = 1, 2, 4
_TENSOR_KIND, _TENSOR_NAME, _TENSOR_RAW, _TENSOR_ELSEWHERE = 2, 8, 9, 13
_KINDS: dict[int, np.dtype[Any]] = {1: np.dtype(np.float32), 10: np.dtype(np.float16)}
_VALUE_NAME, _VALUE_TYPE, _TENSOR_TYPE, _TENSOR_SHAPE, _AXIS, _AXIS_SIZE = 1, 2, 1, 2, 1, 1

Field = tuple[int, int, int, int]
"""Its number, and in bytes of its message: where it begins, its content begins, and it ends."""


class Node(NamedTuple):
    operator: str
    inputs: list[str]
    outputs: list[str]
    place: slice
    """Where it stands in the file."""


class Graph:
    def __init__(self, data: memoryview) -> None:
        """``data`` is the whole file. Raises ValueError where it is not one."""
        self.complete = True
        """Whether all of its tensors stand in this file."""
        self._data = data
        self._around: list[slice] = []  # the model without its graph
        self._others: list[slice] = []  # of the graph: its name and so on
        self._inputs: list[tuple[str, slice]] = []  # old files name their constants among them
        self._constants: dict[str, tuple[slice, int]] = {}  # and where its content begins
        self._producers: dict[str, int] = {}
        self.nodes: list[Node] = []
        self.outputs: dict[str, Shape] = {}
        graphs: list[slice] = []
        for number, begin, start, end in _fields(data):
            if number == _GRAPH:
                graphs.append(slice(start, end))
            else:
                self._around.append(slice(begin, end))
        if len(graphs) != 1:
            raise ValueError(f"There are {len(graphs)} graphs.")
        (graph,) = graphs
        for number, begin, start, end in _fields(data[graph]):
            place = slice(graph.start + begin, graph.start + end)
            self._add(number, place, data[graph.start + start : place.stop])

    def producer(self, tensor: str) -> Node | None:
        """None for an input or a constant."""
        index = self._producers.get(tensor)
        return None if index is None else self.nodes[index]

    def weights(self, tensor: str) -> Array | None:
        """A constant of floats, flat; None where it is none, or not kept as plain bytes."""
        place, start = self._constants.get(tensor, (slice(0), 0))
        content = self._data[start : place.stop]
        kind, raw = 0, None
        for number, _, begin, end in _fields(content):
            if number == _TENSOR_KIND:
                kind = _number(content, begin)[0]
            elif number == _TENSOR_RAW:
                raw = content[begin:end]
        return (
            None if raw is None or kind not in _KINDS else np.frombuffer(bytes(raw), _KINDS[kind])
        )

    def until(self, outputs: Sequence[str]) -> bytes:
        """The file with these tensors as its outputs, and only what they are made from."""
        kept: set[int] = set()
        needed: set[str] = set()
        wanted = list(outputs)
        while wanted:
            tensor = wanted.pop()
            if tensor in needed:
                continue
            needed.add(tensor)
            index = self._producers.get(tensor)
            if index is not None and index not in kept:
                kept.add(index)
                wanted += self.nodes[index].inputs
        data = self._data
        parts: list[bytes | memoryview] = [
            *(data[self.nodes[index].place] for index in sorted(kept)),
            *(data[place] for name, (place, _) in self._constants.items() if name in needed),
            *(data[place] for name, place in self._inputs if self._stays(name, needed)),
            *(data[place] for place in self._others),
            *(_message(_OUTPUT, _message(_VALUE_NAME, name.encode())) for name in outputs),
        ]
        size = sum(map(len, parts))
        around = (data[place] for place in self._around)
        return b"".join([*around, _head(_GRAPH, size), *parts])

    def _stays(self, name: str, needed: Container[str]) -> bool:
        return name in needed or name not in self._constants

    def _add(self, number: int, place: slice, content: memoryview) -> None:
        if number == _NODE:
            data = bytes(content)
            node = _node(data, place)
            self._producers.update(dict.fromkeys(node.outputs, len(self.nodes)))
            self.nodes.append(node)
            self.complete &= EXTERNAL_DATA not in data
        elif number == _INITIALIZER:
            name = _text(content, _TENSOR_NAME)
            self._constants[name] = place, place.stop - len(content)
            self.complete &= all(field[0] != _TENSOR_ELSEWHERE for field in _fields(content))
        elif number == _INPUT:
            self._inputs.append((_text(content, _VALUE_NAME), place))
        elif number == _OUTPUT:
            self.outputs[_text(content, _VALUE_NAME)] = _shape(content)
        elif number != _VALUE_INFO:  # which are hints, some of them of what is cut away
            self._others.append(place)


def _node(data: bytes, place: slice) -> Node:
    operator = ""
    inputs: list[str] = []
    outputs: list[str] = []
    for number, _, start, end in _fields(data):
        if number == _NODE_INPUT:
            inputs.append(data[start:end].decode())
        elif number == _NODE_OUTPUT:
            outputs.append(data[start:end].decode())
        elif number == _NODE_OPERATOR:
            operator = data[start:end].decode()
    return Node(operator, inputs, outputs, place)


def _text(message: memoryview, wanted: int) -> str:
    """Of the field with that number; empty where there is none."""
    for number, _, start, end in _fields(message):
        if number == wanted:
            return bytes(message[start:end]).decode()
    return ""


def _shape(value: memoryview) -> Shape:
    messages = [value]
    for wanted in (_VALUE_TYPE, _TENSOR_TYPE, _TENSOR_SHAPE, _AXIS):
        messages = [
            message[start:end]
            for message in messages
            for number, _, start, end in _fields(message)
            if number == wanted
        ]
    return [_size(axis) for axis in messages]


def _size(axis: memoryview) -> int | None:
    for number, _, start, _ in _fields(axis):
        if number == _AXIS_SIZE:
            size = _number(axis, start)[0]
            return size if size < _NEGATIVE else None
    return None  # it has a name


def _fields(message: bytes | memoryview) -> Iterator[Field]:
    start, size = 0, len(message)
    while start < size:
        begin = start
        key, start = _number(message, start)
        kind = key & 7
        if kind == _LENGTH_DELIMITED:
            length, start = _number(message, start)
            end = start + length
        elif kind == _VARINT:
            end = _number(message, start)[1]
        elif kind in _FIXED:
            end = start + _FIXED[kind]
        else:
            raise ValueError(f"There is no wire type {kind}.")
        if end > size:
            raise ValueError("A field goes on behind its message.")
        yield key >> 3, begin, start, end
        start = end


def _number(message: bytes | memoryview, start: int) -> tuple[int, int]:
    """A varint, and where what follows it starts."""
    if start < len(message) and message[start] < 128:  # nearly all
        return message[start], start + 1
    value = shift = 0
    for place in range(start, min(start + 10, len(message))):
        byte = message[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place + 1
        shift += 7
    raise ValueError("A number has no end.")


def _message(number: int, content: bytes) -> bytes:
    return _head(number, len(content)) + content


def _head(number: int, size: int) -> bytes:
    head = bytearray([number << 3 | _LENGTH_DELIMITED])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head)
