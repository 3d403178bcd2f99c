"""Files that are taken for an ONNX model: each is named in one sentence."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from app.errors import StartError
from app.vision.model.load import load
from models import adopt, inspect
from tests.vision.onnx_files import DETECT, write, yolov8_output


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("best/data.pkl", "x")
    return out.getvalue()


def _safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


KINDS = {
    "git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "zip archive or a PyTorch": _zip(),
    "compressed with gzip": gzip.compress(b"model"),
    "web page": b"\n<!DOCTYPE html><html></html>",
    "safetensors": _safetensors(),
    "TensorFlow Lite": b"\x1c\x00\x00\x00TFL3" + bytes(40),
    "TensorRT engine": b"ftrt" + bytes(40),
    "pickled checkpoint": b"\x80\x02ccollections\n",
    "Keras": b"\x89HDF\r\n\x1a\n" + bytes(40),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_something_else_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = tmp_path / "best.onnx"
    path.write_bytes(KINDS[kind])
    with pytest.raises(StartError, match=kind):
        load(path)
    for command in (adopt.main, inspect.main):
        assert command([str(path)]) == 1
        error = capsys.readouterr().err
        assert kind in error
        assert error.count("\n") == 1


def test_weights_that_are_missing_and_graphs_that_are_too_new_are_named(tmp_path: Path) -> None:
    new = write(tmp_path / "new.onnx", [yolov8_output()], DETECT, opset=999)
    with pytest.raises(StartError, match="export it with an older one") as caught:
        load(new)
    assert "/" not in str(caught.value).replace(str(new), "")
