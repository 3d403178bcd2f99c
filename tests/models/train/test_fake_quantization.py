"""Kernels in training are those of the int8 file."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import onnx
import pytest
import torch

from models.quantize.command import main as quantize
from models.train import export, folded
from models.train.command import main
from models.train.fake_quantization import STEPS, rounded
from models.train.net import Architecture, Conv, Detector
from tests.models.train.conftest import LABELS

pytestmark = pytest.mark.kit

SMALL = Architecture(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1), neck=8, classes=2)


@pytest.fixture
def detector() -> Detector:
    """Its normalisation has statistics, and scales of both signs."""
    torch.manual_seed(0)
    made = Detector(SMALL)
    for module in made.modules():
        if isinstance(module, Conv):
            torch.nn.init.normal_(module.norm.weight)
            torch.nn.init.normal_(module.norm.bias, std=0.3)
    made.train()
    for _ in range(30):
        made(torch.rand(4, 3, 64, 96))
    return made.eval()


def test_rounded_kernels_have_few_values_and_all_the_gradient() -> None:
    kernel = torch.randn(5, 3, 3, 3, requires_grad=True)
    found = rounded(kernel)
    for before, after in zip(kernel.detach(), found.detach(), strict=True):
        steps = after / (before.abs().max() / STEPS)
        assert torch.allclose(steps, steps.round(), atol=1e-4)
        assert int(steps.abs().max().round()) == STEPS
        assert float((after - before).abs().max()) <= float(before.abs().max()) / STEPS / 2 + 1e-7
    weight = torch.randn_like(kernel)
    (found * weight).sum().backward()
    assert kernel.grad is not None
    assert torch.equal(kernel.grad, weight)


def test_an_empty_kernel_stays_empty() -> None:
    assert rounded(torch.zeros(2, 1, 1, 1)).tolist() == [[[[0.0]]]] * 2


def test_kernels_are_rounded_as_in_the_int8_file(
    detector: Detector, drawn: Path, tmp_path: Path
) -> None:
    exact, small = tmp_path / "exact.onnx", tmp_path / "int8.onnx"
    detector.round_kernels(on=True)
    export.write(detector, export.describe("x", LABELS, 96, "x"), exact, half=False)
    arguments = ["--data", str(drawn), "--target", "x86-avx2", "--max-drop", "1"]
    assert quantize([str(exact), *arguments, "--out", str(small)]) == 0
    stored = folded.weights_of(onnx.load(small).graph)
    rounds, differ, values = [], 0, 0
    for name, module in detector.named_modules():
        if not isinstance(module, Conv):
            continue
        norm = module.norm
        variance = cast(torch.Tensor, norm.running_var)
        gain = (norm.weight / (variance + norm.eps).sqrt())[:, None, None, None]
        kernel = module.conv.weight
        if module.conv.rounds:
            rounds.append(name)
            kernel = rounded(kernel)
        step = (gain * kernel).abs().amax((1, 2, 3), keepdim=True) / STEPS
        apart = (gain * kernel - stored[f"{name}.conv.weight"]).abs() > 0.01 * step
        differ, values = differ + int(apart.sum()), values + apart.numel()
    # Values half-way between two steps may go either way.
    assert differ <= values / 1000
    assert "stem" not in rounds
    assert len(rounds) == sum(isinstance(module, Conv) for module in detector.modules()) - 1


def test_the_command_trains_with_rounded_kernels(drawn: Path, tmp_path: Path) -> None:
    """The float file has the exact ones."""
    out = tmp_path / "model.onnx"
    common = ["--imgsz", "96", "--stored-side", "128", "--batch", "8", "--workers", "0"]
    assert main([str(drawn), "--out", str(out), "--epochs", "1", "--qat", *common]) == 0
    kernel = export.read(out).detector.stages[0][0].conv.weight.detach()  # type: ignore[index]
    assert not torch.allclose(kernel, rounded(kernel), atol=1e-5)
