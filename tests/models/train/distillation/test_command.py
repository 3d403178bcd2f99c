"""``models.train --teacher``"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models import adopt
from models.common.labels import COCO
from models.train.command import main
from tests.models.train.conftest import LABELS

pytestmark = pytest.mark.kit

COMMON = ["--imgsz", "96", "--stored-side", "128", "--batch", "8", "--workers", "0"]


@pytest.fixture
def knowing(file: Path, tmp_path: Path) -> Path:
    """A teacher whose labels are those of the drawn photos, and more."""
    names = tmp_path / "names.txt"
    names.write_text("\n".join([*LABELS, *COCO[len(LABELS) :]]))
    out = tmp_path / "knowing.onnx"
    assert adopt.main([str(file), "--labels", str(names), "--out", str(out)]) == 0
    return out


def test_a_run_with_a_teacher(knowing: Path, drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    arguments = [str(drawn), "--out", str(out), "--teacher", str(knowing), "--guided", "2"]
    assert main([*arguments, *COMMON, "--epochs", "2"]) == 0
    assert out.is_file()
    first = torch.load(out.with_suffix(".run") / "last.pt", weights_only=True)
    assert main([*arguments, *COMMON, "--epochs", "3", "--resume"]) == 0
    second = torch.load(out.with_suffix(".run") / "last.pt", weights_only=True)
    for name, learnt in second["adapters"].items():
        assert not torch.equal(learnt, first["adapters"][name])


def test_a_teacher_that_lacks_a_label(
    file: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model.onnx"
    assert main([str(drawn), "--out", str(out), "--teacher", str(file), *COMMON]) == 2
    assert "it has no 'square'" in capsys.readouterr().err
    assert not out.exists()
