from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from models import adopt, inspect
from models.common import graph
from tests.models import tiny
from tests.server import start_failure


def facts(out: str) -> dict[str, str]:
    return {
        name: value.strip()
        for name, _, value in (line.partition("  ") for line in out.splitlines())
    }


@pytest.mark.parametrize(("fit", "many"), [("letterbox", "at most"), ("area", "as many pixels as")])
def test_tells_what_a_file_is(
    fit: str, many: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tiny.write(tiny.conv_model(side=None), tmp_path / "tiny.onnx")
    out = tmp_path / "out.onnx"
    options = ["--family", "yolov8", "--labels", "cat,dog", "--size", "64", "--license", "MIT"]
    assert adopt.main([str(source), *options, "--fit", fit, "--out", str(out)]) == 0
    capsys.readouterr()
    assert inspect.main([str(out)]) == 0
    found = facts(capsys.readouterr().out)
    assert found["family"].startswith("yolov8, [1, 4 + classes, anchors]")
    assert found["labels"] == "2: cat, dog"
    assert (found["name"], found["licence"], found["served"]) == ("tiny", "MIT", "yes")
    assert found["input"] == f"dynamic axes, {many} 64 x 64, float32, multiples of 32"
    assert found["inputs"] == "images float [1, 3, height, width]"
    assert "CPUExecutionProvider" in found["providers"]
    assert found["FLOPs"] == "0.00 billion at 64 x 64"


def test_says_why_a_file_is_refused_in_the_words_of_the_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tiny.write(tiny.yolox_model(3), tmp_path / "tiny.onnx")
    assert inspect.main([str(path)]) == 1
    captured = capsys.readouterr()
    assert facts(captured.out)["served"] == "no"
    assert facts(captured.out)["outputs"] == "output float [1, 84, 8]"
    _, said = start_failure(path)
    assert captured.err.removeprefix("spotter: ").strip() in said


@pytest.mark.parametrize("content", [b"", b"no model at all", None])
def test_what_is_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "broken.onnx"
    whole = tiny.conv_model().SerializeToString()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert inspect.main([str(path)]) == 1
    captured = capsys.readouterr()
    assert facts(captured.out)["served"] == "no"
    assert captured.err.count("\n") == 1
    assert "cannot be served" in captured.err
    assert inspect.main([str(tmp_path / "gone.onnx")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_counts_layers() -> None:
    """By hand: convolutions of 3 to 8 at 8 x 8, 8 to 8 at 2 x 2, and 8 to 6 at 2 x 2."""
    model = tiny.conv_model(channels=6, side=64, hidden=8)
    assert graph.parameters(model) == 8 * 27 + 8 * 72 + 6 * 8
    feed = {"images": np.zeros((1, 3, 64, 64), np.float32)}
    multiplications = 64 * 8 * 27 + 4 * 8 * 72 + 4 * 6 * 8
    assert graph.operations(model, feed) == 2 * multiplications


def test_counts_products_of_matrices_and_transposed_convolutions() -> None:
    weights = {"w": (5, 7), "t": (3, 4, 2, 2), "g": (5, 6), "c": (6,)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("ConvTranspose", ["i", "t"], ["u"], strides=[2, 2]),
        helper.make_node("Gemm", ["x", "g", "c"], ["z"]),
    ]
    shapes = {"x": (2, 5), "i": (1, 3, 8, 8)}
    outputs = {"y": (2, 7), "u": (1, 4, 16, 16), "z": (2, 6)}
    body = helper.make_graph(
        nodes,
        "layers",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in weights.items()],
    )
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", tiny.OPSET)], ir_version=tiny.IR_VERSION
    )
    assert graph.parameters(model) == 35 + 48 + 30 + 6
    feed = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    assert graph.operations(model, feed) == 2 * (2 * 7 * 5 + 3 * 64 * 16 + 2 * 6 * 5)


def test_a_real_file(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ultralytics gives YOLOv8n 3.2 million parameters and 8.7 billion operations."""
    assert inspect.main([str(shared / "models" / "yolov8n-dynamic.onnx")]) == 0
    found = facts(capsys.readouterr().out)
    assert found["parameters"] == "3.152 million"
    assert found["FLOPs"] == "8.74 billion at 640 x 640"
    assert found["licence"].startswith("AGPL-3.0")
