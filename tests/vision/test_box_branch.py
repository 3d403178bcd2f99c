"""Which convolutions are found in a graph, and what their weights are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from app.vision.arrays import Array
from app.vision.graph_surgery import box_branch
from app.vision.graph_surgery.onnx_graph import Graph
from app.vision.graph_surgery.sparse_convolution import BoxBranch

RANDOM = np.random.default_rng(21)
KERNELS = {"a": (4, 6, 3), "b": (5, 4, 3), "c": (8, 5, 1)}
WEIGHTS = {
    name: RANDOM.normal(0, 1, (out, into, size, size)).astype(np.float32)
    for name, (out, into, size) in KERNELS.items()
}
BIASES = {
    name: RANDOM.normal(0, 1, len(kernel)).astype(np.float32) for name, kernel in WEIGHTS.items()
}


def node(operator: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def nodes() -> list[NodeProto]:
    """Something of 6 channels, SiLU, then a fork: the branch a, b, c; and another user."""
    pads = {"pads": [1, 1, 1, 1]}
    return [
        node("Conv", "images w.stem", "stem", pads=[1, 1, 1, 1]),
        node("Sigmoid", "stem", "stem.s"),
        node("Mul", "stem stem.s", "feature"),
        node("Relu", "feature", "elsewhere"),
        node("Conv", "feature w.a b.a", "a", **pads),
        node("Sigmoid", "a", "a.s"),
        node("Mul", "a a.s", "a.m"),
        node("Conv", "a.m w.b b.b", "b", kernel_shape=[3, 3], strides=[1, 1], group=1, **pads),
        node("Sigmoid", "b", "b.s"),
        node("Mul", "b.s b", "b.m"),
        node("Conv", "b.m w.c b.c", "c"),
    ]


def constants() -> dict[str, Array]:
    kernels = {f"w.{name}": value for name, value in WEIGHTS.items()}
    return {
        "w.stem": np.ones((6, 3, 3, 3), dtype=np.float32),
        **kernels,
        **{f"b.{name}": value for name, value in BIASES.items()},
    }


def read(made: list[NodeProto], values: dict[str, Array]) -> tuple[str, BoxBranch] | None:
    graph = helper.make_graph(
        made,
        "branch",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model: ModelProto = helper.make_model(graph)
    return box_branch.read(Graph(memoryview(model.SerializeToString())), "c")


def sizes(found: tuple[str, BoxBranch] | None) -> tuple[str, list[int]]:
    assert found is not None
    feature, branch = found
    assert [layer.silu for layer in branch.layers] == [True] * (len(branch.layers) - 1) + [False]
    return feature, [layer.size for layer in branch.layers]


def test_from_the_fork_to_the_end() -> None:
    found = read(nodes(), constants())
    assert sizes(found) == ("feature", [3, 3, 1])
    assert found is not None
    for layer, name in zip(found[1].layers, "abc", strict=True):
        out, into, size = KERNELS[name]
        np.testing.assert_array_equal(layer.bias, BIASES[name])
        assert (layer.channels_in, layer.channels_out, layer.size) == (into, out, size)
        by_tap = layer.weights.reshape(size, size, into, out)
        np.testing.assert_array_equal(by_tap.transpose(3, 2, 0, 1), WEIGHTS[name])


def test_no_bias_is_none_at_all() -> None:
    made = nodes()
    del made[-1].input[2]
    found = read(made, constants())
    assert sizes(found) == ("feature", [3, 3, 1])
    assert found is not None
    assert found[1].layers[-1].bias.tolist() == [0] * 8


def set_attribute(
    index: int, name: str, value: list[int] | int
) -> Callable[[list[NodeProto]], None]:
    def change(made: list[NodeProto]) -> None:
        kept = [item for item in made[index].attribute if item.name != name]
        del made[index].attribute[:]
        made[index].attribute.extend([*kept, helper.make_attribute(name, value)])

    return change


def another_user(of: str) -> Callable[[list[NodeProto]], None]:
    return lambda made: made.append(node("Relu", of, "another"))


def activation(operator: str) -> Callable[[list[NodeProto]], None]:
    def change(made: list[NodeProto]) -> None:
        made[8].op_type = operator

    return change


def gate_of_another(made: list[NodeProto]) -> None:
    made[8].input[0] = "a"


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        (set_attribute(7, "strides", [2, 2]), "b.m"),
        (set_attribute(7, "dilations", [2, 2]), "b.m"),
        (set_attribute(7, "pads", [0, 0, 0, 0]), "b.m"),
        (set_attribute(7, "pads", [1, 1, 0, 0]), "b.m"),
        (set_attribute(7, "group", 2), "b.m"),
        (set_attribute(4, "strides", [2, 2]), "a.m"),
        (activation("Tanh"), "b.m"),
        (gate_of_another, "b.m"),
        (another_user("b.m"), "b.m"),
        (another_user("a.m"), "a.m"),
        (another_user("b"), "feature"),
        (set_attribute(10, "group", 2), None),
    ],
)
def test_only_as_far_as_it_is_plain(
    change: Callable[[list[NodeProto]], None], feature: str | None
) -> None:
    made = nodes()
    change(made)
    found = read(made, constants())
    assert (found and found[0]) == feature


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("w.b", np.ones((5, 4, 5, 5), dtype=np.float32)),
        ("w.b", np.ones((5, 4, 3, 1), dtype=np.float32)),
        ("w.b", np.ones((5, 4, 3), dtype=np.float32)),
        ("w.b", np.ones((6, 4, 3, 3), dtype=np.float32)),
        ("w.b", np.ones((5, 4, 3, 3))),
        ("b.b", np.ones(6, dtype=np.float32)),
    ],
)
def test_weights_that_do_not_fit(name: str, value: Array) -> None:
    assert sizes(read(nodes(), {**constants(), name: value})) == ("b.m", [1])


def test_channels_that_do_not_fit() -> None:
    """onnxruntime is left to say so."""
    wrong = {"w.b": np.ones((6, 4, 3, 3), dtype="f4"), "b.b": np.ones(6, dtype="f4")}
    assert sizes(read(nodes(), {**constants(), **wrong})) == ("b.m", [1])


def test_inputs_that_are_left_open() -> None:
    made = nodes()
    made[-1].input[2] = ""
    assert sizes(read(made, constants())) == ("feature", [3, 3, 1])


@pytest.mark.parametrize("circle", ["convolution", "bytes"])
def test_a_graph_that_goes_round_in_circles(circle: str) -> None:
    """Which is none: onnxruntime says so."""
    made, values = nodes(), constants()
    if circle == "bytes":
        made[8].input[0] = "b.q"
        made.append(node("QuantizeLinear", "b.q step", "b.q"))
        assert sizes(read(made, values)) == ("b.m", [1])
        return
    made[10].input[0] = "c.m"
    made += [node("Sigmoid", "c", "c.s"), node("Mul", "c c.s", "c.m")]
    values["w.c"] = np.ones((8, 8, 1, 1), dtype=np.float32)
    found = read(made, values)
    assert found is not None
    assert 1 < len(found[1].layers) < 10


def quantised(made: list[NodeProto], tensor: str) -> None:
    """As quantisers write it: to bytes and back, behind whoever makes it."""
    for item in made:
        item.input[:] = [f"{tensor}.dq" if name == tensor else name for name in item.input]
    made += [
        node("QuantizeLinear", f"{tensor} step zero", f"{tensor}.q"),
        node("DequantizeLinear", f"{tensor}.q step zero", f"{tensor}.dq"),
    ]


Quantised = tuple[Array, Array, Array]


def read_quantised(constant: Quantised, **attributes: int) -> tuple[str, BoxBranch] | None:
    """With the last convolution's weights as bytes: steps, scale and zero point."""
    made, values = nodes(), constants()
    values |= {"step": np.array(0.1, dtype=np.float32), "zero": np.array(3, dtype=np.uint8)}
    for tensor in ("feature", "a", "a.s", "a.m", "b", "b.s", "b.m"):
        quantised(made, tensor)
    values |= dict(zip(("w.c", "w.c.scale", "w.c.zero"), constant, strict=True))
    made.append(node("DequantizeLinear", "w.c w.c.scale w.c.zero", "w.c.dq", **attributes))
    made[10].input[1] = "w.c.dq"
    return read(made, values)


def constant(channels: int, *several: int) -> Quantised:
    steps = np.arange(channels * 5, dtype=np.int8).reshape(channels, 5, 1, 1)
    scale = np.linspace(0.5, 1, int(np.prod(several)), dtype=np.float32).reshape(several)
    return steps, scale, np.full(several, 2, dtype=np.int8)


@pytest.mark.parametrize(
    ("several", "attributes"), [([8], {"axis": 0}), ([1], {}), ([], {}), ([1], {"axis": 1})]
)
def test_quantised_weights(several: list[int], attributes: dict[str, int]) -> None:
    steps, scale, zero = given = constant(8, *several)
    found = read_quantised(given, **attributes)
    assert sizes(found) == ("feature.dq", [3, 3, 1])
    assert found is not None
    expected = (steps[:, :, 0, 0] - zero.astype(np.float32).reshape(-1, 1)) * scale.reshape(-1, 1)
    np.testing.assert_allclose(found[1].layers[-1].weights, expected.T)


@pytest.mark.parametrize(
    ("given", "attributes"),
    [
        (constant(8, 8), {"axis": 1}),
        (constant(8, 8), {}),
        (constant(8, 7), {"axis": 0}),
        (constant(1, 8), {"axis": 0}),
        (constant(8, 2, 4), {"axis": 0, "block_size": 4}),
    ],
)
def test_quantised_otherwise(given: Quantised, attributes: dict[str, int]) -> None:
    assert read_quantised(given, **attributes) is None
