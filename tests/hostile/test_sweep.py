"""The command that goes over folders of files."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.hostile import sweep
from tests.vision.pictures import encode, quarters


def test_every_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = tmp_path / "one" / "two"
    deep.mkdir(parents=True)
    (deep / "sound.png").write_bytes(encode(quarters(), "PNG"))
    (tmp_path / "half.png").write_bytes(encode(quarters(), "PNG")[:-60])
    (tmp_path / "page.txt").write_text("<html>")
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.ppm")
    monkeypatch.setattr(sys, "argv", ["sweep", str(tmp_path)])
    assert sweep.main() == 0
    *refused, total, missed, _ = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1)[0] for line in refused] == [
        "InvalidImage",
        "InvalidImageFormat",
        "InvalidImageFormat",
    ]
    assert total.startswith("4 files: ")
    assert "'decoded': 1" in total
    assert "'InvalidImageFormat': 1" in missed, "the PPM, which Pillow reads"
