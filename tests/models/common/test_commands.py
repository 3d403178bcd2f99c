from pathlib import Path

import pytest

from models.common.commands import CommandError, check_file, check_folder, output


def test_places_that_can_be_written(tmp_path: Path) -> None:
    check_file(tmp_path / "new" / "model.onnx")
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "folder")
    (tmp_path / "model.onnx").touch()
    check_file(tmp_path / "model.onnx")


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CommandError, match="is a folder; give a file"):
        check_file(tmp_path)
    with pytest.raises(CommandError, match="is a file; give a folder"):
        check_folder(file)
    for check in (check_file, check_folder):
        with pytest.raises(CommandError, match=f"cannot be written, since {file} is a file"):
            check(file / "below" / "model.onnx")


def test_an_output_is_neither_a_folder_nor_its_source(tmp_path: Path) -> None:
    source = tmp_path / "source.onnx"
    source.touch()
    with pytest.raises(CommandError, match="is a folder"):
        output(tmp_path, source, "")
    with pytest.raises(CommandError, match="would be overwritten"):
        output(source, source, "")
    assert output(tmp_path / "out.onnx", source, "") == tmp_path / "out.onnx"
