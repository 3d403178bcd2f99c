"""The nodes of an ONNX file and their connections; writes the file with fewer nodes.

Field numbers are those of ``onnx.proto``.
"""

from collections import Counter
from collections.abc import Container, Sequence
from typing import NamedTuple

from app.vision.arrays import Array, Shape
from app.vision.graph_surgery import onnx_tensor
from app.vision.graph_surgery.protobuf import contents, field, fields, head, integers, text

EXTERNAL_DATA = b"\x0a\x08location"
"""The key for the file of a tensor that is stored outside the model's file."""

_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INTEGER, _ATTRIBUTE_INTEGERS = 1, 3, 8
_TENSOR_NAME, _TENSOR_ELSEWHERE = 8, 13
_VALUE_NAME, _VALUE_TYPE, _TENSOR_TYPE, _TENSOR_SHAPE, _AXIS, _AXIS_SIZE = 1, 2, 1, 2, 1, 1
_ELEMENT_TYPE = 1


class Node(NamedTuple):
    operator: str
    inputs: list[str]
    outputs: list[str]
    place: slice
    """Position of the encoded node in the file."""


class Graph:
    def __init__(self, data: memoryview) -> None:
        """``data`` is the whole file. Raises ValueError if it is not an ONNX file."""
        self.complete = True
        """Whether all tensors are stored in this file."""
        self._data = data
        self._around: list[slice] = []  # the model without its graph
        self._others: list[slice] = []  # the graph's other fields, such as its name
        self._inputs: list[tuple[str, slice]] = []  # older files list their constants among them
        self._constants: dict[str, tuple[slice, int]] = {}  # field, and start of its content
        self._producers: dict[str, int] = {}
        self._users: Counter[str] = Counter()
        self.nodes: list[Node] = []
        self.outputs: dict[str, Shape] = {}
        graphs: list[slice] = []
        for number, begin, start, end in fields(data):
            if number == _GRAPH:
                graphs.append(slice(start, end))
            else:
                self._around.append(slice(begin, end))
        if len(graphs) != 1:
            raise ValueError(f"There are {len(graphs)} graphs.")
        (graph,) = graphs
        for number, begin, start, end in fields(data[graph]):
            place = slice(graph.start + begin, graph.start + end)
            self._add(number, place, data[graph.start + start : place.stop])

    def producer(self, tensor: str) -> Node | None:
        """None for an input or a constant."""
        index = self._producers.get(tensor)
        return None if index is None else self.nodes[index]

    def users(self, tensor: str) -> int:
        """The number of nodes that have ``tensor`` as an input."""
        return self._users[tensor]

    def integers(self, node: Node) -> dict[str, list[int]]:
        """The attributes of ``node`` that are an integer or a list of integers."""
        found = {}
        (message,) = contents(self._data[node.place], _NODE)
        for attribute in contents(message, _NODE_ATTRIBUTE):
            several = integers(attribute, _ATTRIBUTE_INTEGERS)
            name = text(attribute, _ATTRIBUTE_NAME)
            found[name] = several or integers(attribute, _ATTRIBUTE_INTEGER)
        return found

    def constant(self, tensor: str) -> Array | None:
        """None if ``tensor`` is not a constant of a type that ``onnx_tensor`` reads."""
        if tensor not in self._constants:
            return None
        place, start = self._constants[tensor]
        return onnx_tensor.read(self._data[start : place.stop])

    def until(self, outputs: Sequence[str]) -> bytes:
        """The file with these ``outputs`` and only the nodes that they depend on."""
        kept, needed = self._behind(outputs, ())
        inputs = [self._data[place] for name, place in self._inputs if self._stays(name, needed)]
        return self._file(kept, needed, inputs, outputs)

    def between(self, start: str, end: str, element: int) -> bytes | None:
        """The file with ``start`` as its input and ``end`` as its output.

        ``element`` is ONNX's number for the type of ``start``. None if ``end`` depends on other
        inputs.
        """
        kept, needed = self._behind([end], {start})
        inputs = {name for name, _ in self._inputs} - self._constants.keys()
        if start not in needed or needed & inputs:
            return None
        kind = field(_TENSOR_TYPE, bytes([_ELEMENT_TYPE << 3, element]))
        value = field(_VALUE_NAME, start.encode()) + field(_VALUE_TYPE, kind)
        return self._file(kept, needed, [field(_INPUT, value)], [end])

    def _behind(self, outputs: Sequence[str], starts: Container[str]) -> tuple[set[int], set[str]]:
        """Nodes and tensors that ``outputs`` depend on, back to ``starts``."""
        kept: set[int] = set()
        needed: set[str] = set()
        wanted = list(outputs)
        while wanted:
            tensor = wanted.pop()
            if tensor in needed:
                continue
            needed.add(tensor)
            index = None if tensor in starts else self._producers.get(tensor)
            if index is not None and index not in kept:
                kept.add(index)
                wanted += self.nodes[index].inputs
        return kept, needed

    def _file(
        self,
        kept: set[int],
        needed: set[str],
        inputs: Sequence[bytes | memoryview],
        outputs: Sequence[str],
    ) -> bytes:
        data = self._data
        parts: list[bytes | memoryview] = [
            *(data[self.nodes[index].place] for index in sorted(kept)),
            *(data[place] for name, (place, _) in self._constants.items() if name in needed),
            *inputs,
            *(data[place] for place in self._others),
            *(field(_OUTPUT, field(_VALUE_NAME, name.encode())) for name in outputs),
        ]
        size = sum(map(len, parts))
        around = (data[place] for place in self._around)
        return b"".join([*around, head(_GRAPH, size), *parts])

    def _stays(self, name: str, needed: Container[str]) -> bool:
        return name in needed or name not in self._constants

    def _add(self, number: int, place: slice, content: memoryview) -> None:
        if number == _NODE:
            data = bytes(content)
            node = _node(data, place)
            self._producers.update(dict.fromkeys(node.outputs, len(self.nodes)))
            self._users.update(node.inputs)
            self.nodes.append(node)
            self.complete &= EXTERNAL_DATA not in data
        elif number == _INITIALIZER:
            name = text(content, _TENSOR_NAME)
            self._constants[name] = place, place.stop - len(content)
            self.complete &= all(number != _TENSOR_ELSEWHERE for number, *_ in fields(content))
        elif number == _INPUT:
            self._inputs.append((text(content, _VALUE_NAME), place))
        elif number == _OUTPUT:
            self.outputs[text(content, _VALUE_NAME)] = _shape(content)
        elif number != _VALUE_INFO:  # shapes of inner tensors, some of which are removed
            self._others.append(place)


def _node(data: bytes, place: slice) -> Node:
    operator = ""
    inputs: list[str] = []
    outputs: list[str] = []
    for number, _, start, end in fields(data):
        if number == _NODE_INPUT:
            inputs.append(data[start:end].decode())
        elif number == _NODE_OUTPUT:
            outputs.append(data[start:end].decode())
        elif number == _NODE_OPERATOR:
            operator = data[start:end].decode()
    return Node(operator, inputs, outputs, place)


def _shape(value: memoryview) -> Shape:
    messages = [value]
    for wanted in (_VALUE_TYPE, _TENSOR_TYPE, _TENSOR_SHAPE, _AXIS):
        messages = [part for message in messages for part in contents(message, wanted)]
    return [_size(axis) for axis in messages]


def _size(axis: memoryview) -> int | None:
    sizes = integers(axis, _AXIS_SIZE)  # None if the axis has a name
    return sizes[0] if sizes and sizes[0] >= 0 else None
