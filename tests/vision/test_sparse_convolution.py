"""Convolutions at a few places, beside onnxruntime's everywhere."""

import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.vision.arrays import Array, Floats, Ints
from app.vision.graph_surgery.sparse_convolution import BoxBranch, Convolution

HEIGHT, WIDTH, CHANNELS = 7, 5, 6
SIZES = [(1,), (3,), (3, 1), (3, 3, 1), (1, 3, 3), (3, 1, 3)]


def everywhere(feature: Floats, kernels: Sequence[Floats], biases: Sequence[Floats]) -> Floats:
    """onnxruntime's answer, SiLU between the convolutions."""
    constants: dict[str, Array] = {}
    nodes, tensor = [], "feature"
    for index, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        constants |= {f"w{index}": kernel, f"b{index}": bias}
        inputs, out = [tensor, f"w{index}", f"b{index}"], f"c{index}"
        nodes.append(helper.make_node("Conv", inputs, [out], pads=[kernel.shape[2] // 2] * 4))
        tensor = out
        if index < len(kernels) - 1:
            nodes.append(helper.make_node("Sigmoid", [out], [f"s{index}"]))
            nodes.append(helper.make_node("Mul", [out, f"s{index}"], [f"m{index}"]))
            tensor = f"m{index}"
    graph = helper.make_graph(
        nodes,
        "branch",
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, [1, *feature.shape])],
        [helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answer: Array = session.run(None, {"feature": feature[None]})[0][0]
    return answer.reshape(len(answer), -1)


def both(sizes: Sequence[int], places: Ints) -> tuple[Floats, Floats]:
    random = np.random.default_rng(11)
    feature = random.normal(0, 1, (CHANNELS, HEIGHT, WIDTH)).astype(np.float32)
    channels = [CHANNELS, *range(8, 8 + len(sizes))]
    kernels = [
        random.normal(0, 0.5, (channels[index + 1], channels[index], size, size)).astype("f4")
        for index, size in enumerate(sizes)
    ]
    biases = [random.normal(0, 1, len(kernel)).astype(np.float32) for kernel in kernels]
    layers = [
        Convolution(
            kernel.transpose(2, 3, 1, 0).reshape(-1, len(kernel)),
            bias,
            size,
            index < len(sizes) - 1,
        )
        for index, (kernel, bias, size) in enumerate(zip(kernels, biases, sizes, strict=True))
    ]
    expected = everywhere(feature, kernels, biases)[:, places]
    return BoxBranch(layers).at(feature, places), expected


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(
    "places", [[], [17], [0], [4], [30], [34], [0, 4, 30, 34], [34, 3, 3, 20], range(35)]
)
def test_it_is_what_convolutions_everywhere_make(
    sizes: tuple[int, ...], places: Sequence[int]
) -> None:
    found, expected = both(sizes, np.array(places, dtype=np.intp))
    assert found.dtype == np.float32
    assert found.shape == expected.shape == (7 + len(sizes), len(places))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("wide", [64, 80])
def test_a_place_does_not_depend_on_which_others_are_asked_for(wide: int) -> None:
    random = np.random.default_rng(12)
    shape = (wide, 20, 15)
    feature = random.normal(0, 1, shape).astype(np.float32)
    layers = [
        Convolution(
            random.normal(0, 0.05, (size * size * wide, wide)).astype(np.float32),
            np.zeros(wide, dtype=np.float32),
            size,
            size == 3,
        )
        for size in (3, 3, 1)
    ]
    branch = BoxBranch(layers)
    every = branch.at(feature, np.arange(300))
    for count in (1, 2, 5, 16, 17, 40, 123, 299):
        places = np.sort(random.choice(300, count, replace=False))
        np.testing.assert_array_equal(branch.at(feature, places), every[:, places])


def test_half_precision_and_values_far_out() -> None:
    feature = np.full((1, 3, 3), 1000, dtype=np.float16)
    layer = Convolution(np.array([[1, -1]], dtype="f4"), np.zeros(2, dtype="f4"), 1, True)
    with np.errstate(over="raise", invalid="raise"):
        found = BoxBranch([layer]).at(feature, np.array([4]))
    assert found.dtype == np.float32
    assert found.ravel().tolist() == [1000, 0]


def test_matrices_are_multiplied_without_threads_of_their_own() -> None:
    """They would take the cores from the images beside."""
    code = (
        "import os, app, numpy; a = numpy.ones((500, 500)); a @ a;"
        " print(len(os.listdir('/proc/self/task')))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS", "OMP"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    )
    assert int(done.stdout) == 1
