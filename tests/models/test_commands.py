"""Every command of the kit starts by its module's name and ends with an exit code."""

import subprocess
import sys
from importlib import import_module

import pytest

from tests.server import REPOSITORY

REFUSED = {
    "adopt": ["gone.onnx", "--family", "yolox", "--labels", "coco", "--out", "out.onnx"],
    "drawn": ["gone", "--out", "out"],
    "evaluate": ["gone.onnx", "--data", "gone"],
    "export": ["gone.pt"],
    "fetch": ["https://localhost/gone.onnx"],
    "inspect": ["gone.onnx"],
    "label": ["gone", "--teacher", "gone.onnx", "--out", "out"],
    "quantize": ["gone.onnx", "--data", "gone"],
    "subset": ["gone", "--labels", "cat", "--out", "out"],
}
OF_TORCH = {"calibrate", "train"}
"""Tested by ``make test-kit``."""


def test_these_are_all_commands() -> None:
    folder = REPOSITORY / "models"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in folder.glob("*/__main__.py")}
    assert modules | packages == {*REFUSED, *OF_TORCH}
    assert not modules & packages


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_line_and_exit_code_1(name: str) -> None:
    command = [sys.executable, "-m", f"models.{name}", *REFUSED[name]]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("spotter: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", REFUSED)
def test_help_names_the_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = import_module(f"models.{name}")
    if not hasattr(module, "main"):
        module = import_module(f"models.{name}.command")
    with pytest.raises(SystemExit) as stop:
        module.main(["--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m models.{name} ")
