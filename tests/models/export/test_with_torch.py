"""Freshly built networks with random weights, exported and served: nothing is downloaded."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from app.vision.detections import Options
from app.vision.detector import Detector
from models.common import checks
from models.common.labels import COCO
from models.export import command
from tests.server import serve

pytestmark = pytest.mark.kit


class Grid(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """A cell of 32 pixels each: the layout of yolov8, with outputs beside it."""

    def __init__(self, columns: int = 6) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, columns, 32, 32)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self.conv(images).flatten(2).sigmoid()
        return rows, rows * 2


class Sizes(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """The layout of detr: boxes in pixels of the size that comes in."""

    def forward(
        self, images: torch.Tensor, sizes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        scores = torch.nn.functional.avg_pool2d(images, 16).flatten(1)
        boxes = torch.stack([scores / 3, scores / 3, scores, scores], -1)
        return (scores * 2).long(), boxes * sizes.repeat(1, 2)[:, None], scores / 4


def run(*arguments: object) -> int:
    return command.main([str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own
        yield


def detector_in_torch(detector: Detector, module: Any) -> Detector:
    """``detector``, whose session is the PyTorch module."""

    class InTorch:
        get_inputs = detector.model.session.get_inputs
        get_outputs = detector.model.session.get_outputs
        get_modelmeta = detector.model.session.get_modelmeta

        def run(self, output_names: list[str], feed: dict[str, Any]) -> list[Any]:
            with torch.no_grad():
                return [module(torch.from_numpy(next(iter(feed.values()))))[0].numpy()]

    return Detector(replace(detector.model, session=InTorch()), detector.reader)


def test_an_ultralytics_model_agrees_over_http(tmp_path: Path) -> None:
    package = pytest.importorskip("ultralytics")
    torch.manual_seed(0)
    weights, out = tmp_path / "random.pt", tmp_path / "random.onnx"
    package.YOLO("yolov8n.yaml").save(weights)
    assert run(weights, "--size", "160", "--out", out) == 0
    module = package.YOLO(weights).model.float().eval()
    expected = detector_in_torch(checks.detector(out, whole=True), module).detect(
        checks.picture(), Options(confidence=0.0, max_detections=50)
    )
    with serve(out) as server:
        response = server.detect(checks.picture(), confidence=0, max_detections=50)
        assert response.status_code == 200
        found = response.json()["detections"]
    assert len(found) == len(expected.items) == 50
    for answer, item in zip(found, expected.items, strict=True):
        assert answer["probability"] == pytest.approx(item.probability, abs=1e-3)
    best, item = found[0], expected.items[0]
    assert np.allclose(best["boundingBox"], item.box, rtol=1e-3, atol=0.02)
    assert best["classId"] == item.class_id


def _liven(network: Any) -> None:
    """Random weights answer the same everywhere: let scores differ, for pictures of noise."""
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 0.9
    with torch.no_grad():
        for _ in range(3):
            network.train()(torch.rand(2, 3, 224, 224))
    for level in network.model[-1].one2one_cv3:
        torch.nn.init.normal_(level[-1].weight, std=0.3)
        torch.nn.init.constant_(level[-1].bias, -4)
    network.eval()


def test_a_model_without_nms_keeps_its_own_head(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = pytest.importorskip("ultralytics")
    torch.manual_seed(0)
    weights, out = tmp_path / "random.pt", tmp_path / "random.onnx"
    model = package.YOLO("yolo26n.yaml")
    _liven(model.model)
    model.save(weights)
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    options = ["--photo", tmp_path / "noise.png", "--size", "224", "--out", out]
    assert run(weights, *options) == 0
    found = checks.detector(out).model
    assert found.description.family == "end2end"
    assert found.signature.dynamic
    assert " over 0 boxes" not in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["script", "trace", "module"])
def test_any_module(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    weights, out = tmp_path / "grid.pt", tmp_path / "grid.onnx"
    module = Grid().eval()
    if kind == "module":
        torch.save(module, weights)
    elif kind == "script":
        torch.jit.save(torch.jit.script(module), weights)
    else:
        torch.jit.save(torch.jit.trace(module, torch.zeros(1, 3, 96, 96)), weights)
    options = ["--family", "yolov8", "--labels", "a,b", "--input", "96", "--license", "MIT"]
    assert run(weights, *options, "--out", out) == 0
    assert "largest difference from PyTorch: " in capsys.readouterr().out
    found = checks.detector(out).model
    assert found.signature.dynamic
    assert found.description.name == "grid"
    assert found.description.input.size == (96, 96)
    assert run(weights, *options, "--fixed", "--out", out) == 0
    assert not checks.detector(out).model.signature.dynamic


def test_detr(tmp_path: Path) -> None:
    weights, out = tmp_path / "sizes.pt", tmp_path / "sizes.onnx"
    torch.jit.save(torch.jit.script(Sizes()), weights)
    assert run(weights, "--family", "detr", "--labels", "coco", "--size", "64", "--out", out) == 0
    assert checks.detector(out).labels == COCO


def test_what_does_not_agree_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Moody(Grid):
        def forward(self, images: Any) -> Any:
            return super().forward(images + torch.rand_like(images))

    weights, out = tmp_path / "moody.pt", tmp_path / "moody.onnx"
    torch.jit.save(torch.jit.trace(Moody(), torch.zeros(1, 3, 96, 96), check_trace=False), weights)
    options = ["--family", "yolov8", "--labels", "a,b", "--input", "96"]
    assert run(weights, *options, "--out", out) == 1
    assert "Nothing is written" in capsys.readouterr().err
    assert not out.exists()


def test_what_is_no_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, out = tmp_path / "weights.pt", tmp_path / "out.onnx"
    options = ["--family", "yolov8", "--labels", "a,b", "--out", out]

    def refusal(*arguments: object) -> str:
        assert run(weights, *arguments) == 1
        return capsys.readouterr().err.splitlines()[-1]

    torch.save(Grid().state_dict(), weights)
    assert "not a module" in refusal(*options)
    torch.save(Grid(columns=9), weights)
    assert "not those of the family yolov8" in refusal(*options)
    weights.write_bytes(b"no weights")
    assert "cannot be loaded" in refusal(*options)
    pytest.importorskip("ultralytics")
    assert "ultralytics cannot export" in refusal("--out", out)
    assert not out.exists()
