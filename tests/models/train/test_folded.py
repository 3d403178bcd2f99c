"""Training goes on from a file without normalisation, such as an int8 one."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch

from models.calibrate import main as calibrate
from models.quantize.command import main as quantize
from models.quantize.prepare import prepare
from models.train import export, folded
from models.train.command import main
from models.train.net import Architecture, Conv, Detector
from tests.models.train.conftest import LABELS

pytestmark = pytest.mark.kit

SMALL = Architecture(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1), neck=8, classes=2)


@pytest.fixture(scope="module")
def detector() -> Detector:
    """With the statistics and scales of a layer that has learnt something."""
    torch.manual_seed(0)
    made = Detector(SMALL)
    for module in made.modules():
        if isinstance(module, Conv):
            torch.nn.init.uniform_(module.norm.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.norm.bias, std=0.3)
    made.train()
    for _ in range(30):
        made(torch.rand(4, 3, 64, 96))
    return made.eval()


@pytest.fixture(scope="module")
def written(detector: Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("float") / "model.onnx"
    export.write(detector, export.describe("small", LABELS, 96, "Apache-2.0"), path, half=False)
    return path


@pytest.fixture(scope="module")
def int8(written: Path, drawn: Path) -> Path:
    out = written.with_name("int8.onnx")
    assert quantize([str(written), "--data", str(drawn), "--out", str(out)]) == 0
    return out


def outputs(detector: Detector, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        raw = detector(images)
    return raw.scores, raw.distances


def test_folded_weights_compute_the_same(detector: Detector, written: Path) -> None:
    weights = folded.weights_of(prepare(written).graph)
    back = Detector(SMALL)
    missing = back.load_state_dict(weights, strict=False)
    assert not missing.unexpected_keys
    assert all(name.endswith("num_batches_tracked") for name in missing.missing_keys)
    images = torch.rand(2, 3, 64, 96)
    for now, before in zip(outputs(back.eval(), images), outputs(detector, images), strict=True):
        assert torch.allclose(now, before, atol=1e-4)


def test_int8_weights_are_as_near_as_their_steps(written: Path, int8: Path) -> None:
    exact = folded.weights_of(prepare(written).graph)
    rounded = folded.weights_of(onnx.load(int8).graph)
    assert rounded.keys() == exact.keys()
    for name, value in exact.items():
        if not name.endswith(".weight") or ".norm." in name:
            continue
        step = value.abs().amax((1, 2, 3), keepdim=True) / 63  # of 7 bits, the coarsest
        assert ((rounded[name] - value).abs() <= 0.51 * step).all(), name
    assert any(not torch.equal(rounded[name], exact[name]) for name in exact)


def test_statistics_come_back_and_change_nothing(int8: Path) -> None:
    trained = export.read(int8)
    assert trained.folded
    assert trained.description.labels == LABELS
    restored = trained.detector.eval()
    images = torch.rand(32, 3, 64, 96)
    before = outputs(restored, images)
    folded.restore(restored, images.split(8))
    for now, earlier in zip(outputs(restored, images), before, strict=True):
        assert torch.allclose(now, earlier, atol=1e-3)
    # With the statistics of these very pictures, a layer in training computes what it does in use.
    restored.train()
    for now, earlier in zip(outputs(restored, images), before, strict=True):
        assert torch.allclose(now, earlier, atol=0.02)


def test_kernels_get_the_size_that_the_optimizer_s_steps_are_made_for(int8: Path) -> None:
    """Folded, they may be a hundredth of it, and then one step changes a layer a hundred times as
    much."""
    restored = export.read(int8).detector.eval()
    layers = [module for module in restored.modules() if isinstance(module, Conv)]
    with torch.no_grad():
        layers[0].conv.weight[0] = 0.0  # there is nothing to multiply
        layers[1].conv.weight[0] *= 1e-3
    images = torch.rand(8, 3, 64, 96)
    before = outputs(restored, images)
    folded.restore(restored, [images])
    for now, earlier in zip(outputs(restored, images), before, strict=True):
        assert torch.allclose(now, earlier, atol=1e-3)
    for layer in layers:
        sizes = layer.conv.weight.square().mean((1, 2, 3)).sqrt()
        assert torch.allclose(sizes[1:], torch.full_like(sizes[1:], folded.ROW), rtol=1e-3)
    assert not layers[0].conv.weight[0].any()


def test_an_int8_file_is_calibrated_as_floats(
    int8: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "calibrated.onnx"
    assert calibrate([str(int8), "--data", str(drawn), "--out", str(out)]) == 0
    assert "float again" in capsys.readouterr().out
    assert export.read(out).folded  # so that --from gives it statistics
    before, after = (export.read(path).detector.state_dict() for path in (int8, out))
    for name, value in before.items():
        if ".out.bias" not in name:
            assert torch.allclose(after[name].float(), value.float(), rtol=1e-3, atol=1e-4), name


def test_training_goes_on_from_an_int8_file(int8: Path, drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    arguments = [str(drawn), "--out", str(out), "--from", str(int8), "--epochs", "1"]
    common = ["--imgsz", "96", "--stored-side", "128", "--batch", "8", "--workers", "0"]
    assert main([*arguments, *common]) == 0
    assert not export.read(out).folded
