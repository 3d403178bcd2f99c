"""The hash of a model's file, whenever it is asked for."""

import hashlib
import logging
import os
from pathlib import Path

import pytest

from app.errors import StartError
from app.vision.model.file_hash import FileHash


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"first")
    return path


def test_a_file_that_took_its_name_is_not_meant(path: Path) -> None:
    file_hash = FileHash(path)
    other = path.with_suffix(".new")
    other.write_bytes(b"second")
    other.replace(path)
    assert file_hash.sha256 == hashlib.sha256(b"first").hexdigest()


def test_it_is_taken_once(path: Path) -> None:
    file_hash = FileHash(path)
    first = file_hash.sha256
    path.write_bytes(b"second")
    assert file_hash.sha256 == first


def test_a_file_written_over_before_is_told_of(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file_hash = FileHash(path)
    path.write_bytes(b"second")
    os.utime(path, (1, 1))
    with caplog.at_level(logging.WARNING):
        assert file_hash.sha256 == hashlib.sha256(b"second").hexdigest()
    assert "overwritten" in caplog.text


def test_no_file_stays_open(path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        _ = FileHash(path).sha256
        with pytest.raises(StartError):
            FileHash(path.parent)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
