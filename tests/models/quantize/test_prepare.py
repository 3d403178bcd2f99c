from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, numpy_helper

from app.vision.arrays import Array
from models.common.commands import CommandError
from models.quantize.half_precision import halve
from models.quantize.prepare import prepare
from tests.models import tiny
from tests.models.quantize import graphs


def answer(model: ModelProto, scale: float = 1.0) -> Array:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    noise = np.random.default_rng(1).normal(0, scale, (1, 3, 64, 96)).astype(np.float32)
    result: Array = session.run(None, {"images": noise})[0]
    return result


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_distributions_give_the_same_without_softmax(tmp_path: Path, scale: float) -> None:
    before = graphs.detector()
    after = prepare(tiny.write(before, tmp_path / "model.onnx"))
    assert "Softmax" not in [node.op_type for node in after.graph.node]
    assert "w.bins" not in [tensor.name for tensor in after.graph.initializer]
    np.testing.assert_allclose(answer(after, scale), answer(before, scale), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("change", ["axis", "perm", "bias"])
def test_what_only_looks_like_a_distribution_stays(tmp_path: Path, change: str) -> None:
    model = graphs.detector()
    nodes = {node.name: node for node in model.graph.node}
    if change == "axis":
        nodes["dfl.softmax"].attribute[0].i = 3
    elif change == "perm":
        nodes["dfl.transpose"].attribute[0].ints[:] = [0, 2, 3, 1]
        nodes["dfl.softmax"].attribute[0].i = 1
    else:
        bias = np.ones(1, np.float32)
        model.graph.initializer.append(numpy_helper.from_array(bias, "bias"))
        nodes["dfl.conv"].input.append("bias")
    after = prepare(tiny.write(model, tmp_path / "model.onnx"))
    assert "Softmax" in [node.op_type for node in after.graph.node]


def test_an_old_opset_is_raised(tmp_path: Path) -> None:
    model = tiny.conv_model()
    model.opset_import[0].version = 11
    after = prepare(tiny.write(model, tmp_path / "model.onnx"))
    assert after.opset_import[0].version >= 13


def test_half_precision_unfolds(tmp_path: Path) -> None:
    model = tiny.conv_model(side=None, hidden=16)
    half = halve(model)
    after = prepare(tiny.write(half, tmp_path / "model.onnx"))
    assert "Cast" not in [node.op_type for node in after.graph.node]
    np.testing.assert_allclose(answer(after), answer(model), atol=1e-2)
    assert len(half.SerializeToString()) < 0.75 * len(model.SerializeToString())


def test_half_precision_refuses_what_it_cannot_hold() -> None:
    model = tiny.conv_model(hidden=16)
    values = np.full((16, 16, 3, 3), 1e6, np.float32)
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(values, "second"))
    with pytest.raises(CommandError, match="second do not fit"):
        halve(model)
    with pytest.raises(CommandError, match="no float32 weights"):
        halve(ModelProto())


def test_refuses_what_it_cannot_quantise(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    nodes = [graphs.node("Relu", "images", "output0")]
    sides = {"images": [1, 3, 8, 8]}
    tiny.write(graphs.model(nodes, {}, sides, {"output0": [1, 3, 8, 8]}), path)
    with pytest.raises(CommandError, match="no convolutions"):
        prepare(path)
