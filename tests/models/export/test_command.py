from pathlib import Path
from typing import Any

import pytest

from models.export import command


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert command.main([str(argument) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_options_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = tmp_path / "gone.pt"
    assert "No such file" in refusal(capsys, gone, "--out", tmp_path / "out.onnx")
    assert "together" in refusal(capsys, gone, "--family", "yolov8")


def test_help_names_the_licence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["--help"])
    assert stop.value.code == 0
    assert "AGPL-3.0" in capsys.readouterr().out


def test_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name=name)

    monkeypatch.setattr("models.common.commands.import_module", missing)
    (tmp_path / "x.pt").write_bytes(b"")
    error = refusal(capsys, tmp_path / "x.pt", "--out", tmp_path / "out.onnx")
    assert "the Python package 'torch'; 'make install-export' installs it" in error
