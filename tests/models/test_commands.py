"""Every command of the kit starts by its module's name and ends with an exit code."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.models.photos import write_dataset
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
OF_TORCH = ("calibrate", "train")
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


BARE = """
import runpy, sys
for package in (
    *("onnx", "tqdm", "matplotlib", "pycocotools", "httpx"),
    *("torch", "torchvision", "ultralytics", "yaml", "onnxscript", "onnxslim"),
):
    sys.modules[package] = None
name = sys.argv[1]
sys.argv[:2] = [name]
runpy.run_module(name, run_name="__main__", alter_sys=True)
"""
"""Runs a command as in an environment that has only what serving needs."""


def bare(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BARE, f"models.{name}", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", [*REFUSED, *OF_TORCH, "train.convert"])
def test_help_needs_no_package(name: str) -> None:
    done = bare(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: python -m models.{name} ")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "arguments", "step"),
    [
        ("train", ["data", "--out", "out.onnx"], "install-train"),
        ("calibrate", ["model.onnx", "--data", "data"], "install-train"),
        ("train.convert", ["model.onnx"], "install-train"),
        ("export", ["pyproject.toml"], "install-export"),
        ("inspect", ["models/default.onnx"], "install-models"),
        ("evaluate", ["models/default.onnx", "--data", "DATA"], "install-models"),
        ("quantize", ["models/default.onnx", "--data", "DATA"], "install-models"),
        ("subset", ["DATA", "--labels", "cat", "--out", "out"], "install-models"),
        ("label", ["DATA", "--teacher", "models/default.onnx", "--out", "O"], "install-models"),
        ("fetch", ["yolox_nano", "--out", "O"], "install-fetch"),
    ],
)
def test_a_missing_package_is_one_line_with_the_step_that_installs_it(
    name: str, arguments: list[str], step: str, tmp_path: Path
) -> None:
    data = write_dataset(tmp_path / "data", ["cat"], [[{"label": "cat", "bbox": [1, 1, 9, 9]}]] * 2)
    here = {"DATA": str(data), "O": str(tmp_path / "labelled")}
    done = bare(name, *(here.get(argument, argument) for argument in arguments))
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("spotter: This needs the Python package ")
    assert done.stderr.endswith(f"'make {step}' installs it.\n")
    assert done.stderr.count("\n") == 1


def test_every_step_is_a_target_of_make() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for step in ("fetch", "models", "train", "export", "kit"):
        assert re.search(rf"^install-{step}: .+ ## ", makefile, re.MULTILINE)


@pytest.mark.parametrize("name", REFUSED)
def test_help_names_the_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = import_module(f"models.{name}")
    if not hasattr(module, "main"):
        module = import_module(f"models.{name}.command")
    with pytest.raises(SystemExit) as stop:
        module.main(["--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m models.{name} ")
