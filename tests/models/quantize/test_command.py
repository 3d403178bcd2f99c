from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from app.vision.arrays import Array
from models import adopt
from models.common import checks, metadata
from models.quantize import command
from tests.models import tiny
from tests.models.photos import write_dataset
from tests.models.quantize import graphs


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    raw = tiny.write(graphs.detector(), folder / "raw.onnx")
    options = ["--family", "yolov8", "--labels", "cat,dog", "--size", "96"]
    assert adopt.main([str(raw), *options, "--out", str(folder / "tiny.onnx")]) == 0
    return folder / "tiny.onnx"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "set"
    write_dataset(folder, ["cat"], [[{"label": "cat", "bbox": [0, 0, 60, 40]}]] * 8, (96, 64))
    random = np.random.default_rng(0)
    for path in (folder / "images").iterdir():
        small = random.integers(0, 256, (8, 12, 3), dtype=np.uint8)
        Image.fromarray(small).resize((96, 64), Image.Resampling.BICUBIC).save(path)
    return folder


def run(*arguments: object) -> int:
    return command.main([str(argument) for argument in arguments])


def raw_outputs(path: Path) -> list[Array]:
    noise = np.random.default_rng(1).random((1, 3, 64, 96), dtype=np.float32)
    return checks.detector(path).model.run(noise)


@pytest.mark.parametrize("target", ["x86-vnni", "x86-avx2", "arm64"])
def test_int8_is_close_and_describes_itself_as_before(
    source: Path, data: Path, tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "int8.onnx"
    options = ["--photos", 5, "--max-drop", 1, "--target", target, "--out", out]
    assert run(source, "--data", data, *options) == 0
    for before, after in zip(raw_outputs(source), raw_outputs(out), strict=True):
        assert np.abs(after - before)[:, :4].mean() < 0.2  # pixels
        assert 0 < np.abs(after - before)[:, 4:].mean() < 0.01
    assert metadata.read(out.read_bytes()) == metadata.read(source.read_bytes())
    assert checks.detector(out).model.signature.dynamic
    written = onnx.load(out)
    onnx.checker.check_model(written, full_check=True)
    kinds = {entry.data_type for entry in written.graph.initializer}
    assert onnx.TensorProto.INT8 in kinds
    printed = capsys.readouterr().out
    assert "ms at 96 x 96, one thread" in printed
    assert f"SPOTTER_MODEL={out}" in printed


def test_half_precision(source: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "fp16.onnx"
    options = ["--mode", "fp16", "--max-drop", 1, "--out", out]
    assert run(source, "--data", data, *options) == 0
    for before, after in zip(raw_outputs(source), raw_outputs(out), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-2, atol=1e-2)
    assert out.stat().st_size < source.stat().st_size


def test_too_much_lost_is_not_called_good(
    source: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every way to keep more in float is tried first."""
    out = tmp_path / "out" / "int8.onnx"
    assert run(source, "--data", data, "--photos", 4, "--max-drop", "-2", "--out", out) == 1
    captured = capsys.readouterr()
    assert captured.out.count("in float: ") == 2
    assert "Nothing is written" in captured.err
    assert list(out.parent.iterdir()) == []


def test_without_boxes_to_compare_accuracy_is_not_measured(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path / "set", ["yeti"], [[], []])
    out = tmp_path / "int8.onnx"
    assert run(source, "--data", data, "--out", out) == 0
    assert "accuracy is not measured" in capsys.readouterr().out


def test_says_whether_accuracy_is_measured_on_the_photos_of_the_calibration(
    source: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "accuracy is measured on the photos of the calibration"
    whole: list[object] = [source, "--data", data, "--max-drop", 1, "--out", tmp_path / "x.onnx"]
    assert run(*whole, "--photos", 8) == 0
    assert said in capsys.readouterr().out
    for other in (["--photos", 7], ["--eval", data], ["--mode", "fp16"]):
        assert run(*whole, *other) == 0
        assert said not in capsys.readouterr().out


def test_refusals(
    source: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(*arguments: object) -> str:
        assert run(*arguments) == 1
        return capsys.readouterr().err

    out = tmp_path / "int8.onnx"
    assert run(source, "--data", data, "--photos", 4, "--max-drop", 1, "--out", out) == 0
    again = refusal(out, "--data", data, "--out", tmp_path / "again.onnx")
    assert "already quantised" in again
    assert "must be at least 1" in refusal(source, "--data", data, "--photos", 0, "--out", out)
    assert "would be overwritten" in refusal(source, "--data", data, "--out", source)
    assert "is not a dataset" in refusal(source, "--data", tmp_path / "gone", "--out", out)
    assert "cannot be read" in refusal(tmp_path / "gone.onnx", "--data", data)
