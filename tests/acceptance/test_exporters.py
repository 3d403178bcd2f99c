"""Every file of the shared table of exporters' forms, after one ``models.adopt`` at most.

Served right means: each object of the table is found under its label with an IoU of 0.8 or more.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from app.vision.detections import Options
from models.common import checks
from tests.acceptance.exporters import judge, prepare, rows
from tests.shared_data import SHARED

TABLE = SHARED / "families" / "models.tsv"
ROWS = rows(TABLE) if TABLE.is_file() else {}
REMEDIES = {
    "batch4.onnx": "export it with a batch of 1",
    "irnew.onnx": "export it with an older one",
    "lfs_pointer.onnx": "git lfs pull",
    "trt_nms.onnx": "export it without NMS in the graph",
}
"""Files that are not served, and what the refusal advises."""


@pytest.fixture(scope="module")
def files(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files that the generator writes."""
    pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("exporters")
    made = [sys.executable, str(shared / "families" / "make.py"), str(folder)]
    subprocess.run(made, check=True, capture_output=True)
    prepare(folder)
    return folder


@pytest.mark.parametrize("name", ROWS or ["none"])
def test_a_form_of_the_table(shared: Path, files: Path, name: str) -> None:
    file = files / name if (files / name).exists() else shared / "families" / name
    found = judge(file, ROWS[name], shared / "models")
    if name in REMEDIES:
        assert found.verdict == "refused"
        assert REMEDIES[name] in found.told
        assert "onnxruntime_src" not in found.told
    else:
        assert found.verdict == "served", found


@pytest.mark.parametrize(
    "name", ["yolonas", "damoyolo", "yolov6", "yolox_decoded", "rfdetr", "paddle_rtdetr", "mmdet"]
)
def test_the_input_is_found_out(shared: Path, files: Path, name: str) -> None:
    """Only the labels are given."""
    found = judge(files / f"{name}.onnx", ROWS[f"{name}.onnx"], shared / "models", bare=True)
    assert found.command == "--labels coco"
    assert found.verdict == "served", found


@pytest.mark.parametrize("task", ["pose", "obb", "classify"])
def test_other_tasks_are_served_as_they_are(files: Path, task: str) -> None:
    """The files find nothing; what they are is told from their metadata and shapes."""
    detector = checks.detector(files / f"task_{task}.onnx")
    assert detector.model.task == task
    result = detector.detect(checks.picture(), Options())
    assert result.items == []
    assert (result.classifications is not None) == (task == "classify")
