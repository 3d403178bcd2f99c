"""Queries the order of the layers in an ONNX graph."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Any

Node = Any
"""onnx.NodeProto"""
SHAPING = frozenset({"Reshape", "Transpose", "Flatten", "Concat", "Slice", "Squeeze", "Unsqueeze"})


class Network:
    """An index of ``model``; must be created again after a change to the model."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.nodes: list[Node] = list(model.graph.node)

    @cached_property
    def producers(self) -> dict[str, Node]:
        return {output: node for node in self.nodes for output in node.output}

    @cached_property
    def consumers(self) -> dict[str, list[Node]]:
        found = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                found[name].append(node)
        return dict(found)

    @cached_property
    def constants(self) -> set[str]:
        stored = {tensor.name for tensor in self.model.graph.initializer}
        return stored | {node.output[0] for node in self.nodes if node.op_type == "Constant"}

    def after(self, node: Node) -> Iterator[Node]:
        for output in node.output:
            yield from self.consumers.get(output, ())

    @cached_property
    def convolutions_after(self) -> dict[str, int | None]:
        """By node name, the smallest number of convolutions on any path after the node.

        0 for the last convolutions; None for other nodes without a convolution after them.
        """
        depths: dict[str, int | None] = {}
        for node in reversed(self.nodes):
            known = [depths[after.name] for after in self.after(node)]
            least = min((depth for depth in known if depth is not None), default=None)
            if node.op_type == "Conv":
                least = 0 if least is None else least + 1
            depths[node.name] = least
        return depths

    @cached_property
    def stem(self) -> set[str]:
        """Names of the convolutions that read the model's input, and of their activations."""
        before = {value.name for value in self.model.graph.input}
        found = set()
        for node in self.nodes:
            if not before & set(node.input):
                continue
            if node.op_type == "Conv":
                found |= {node.name, *(after.name for after in self._activation(node))}
            elif node.op_type in SHAPING | {"Cast"}:
                before |= set(node.output)
        return found

    def _activation(self, node: Node) -> Iterator[Node]:
        for after in self.after(node):
            if after.op_type in ("Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSwish", "Mul"):
                yield after

    def is_silu_input(self, tensor: str) -> bool:
        """True if ``tensor`` is used only by a SiLU, that is, the product with its own sigmoid."""
        after = self.consumers.get(tensor, [])
        if sorted(node.op_type for node in after) != ["Mul", "Sigmoid"]:
            return False
        product, sigmoid = sorted(after, key=lambda node: str(node.op_type))
        return set(product.input) == {tensor, sigmoid.output[0]}

    def is_logits(self, node: Node) -> bool:
        """True if the outputs of ``node`` only go through a sigmoid, possibly after reshaping."""
        after = list(self.after(node))
        return bool(after) and all(
            following.op_type == "Sigmoid"
            or (following.op_type in SHAPING and self.is_logits(following))
            for following in after
        )


def with_names(model: Any) -> Any:
    """Gives every node a unique name; returns ``model``."""
    seen: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}.{number}"
        seen.add(node.name)
    return model
