"""The shipped file and what its card says of it."""

import hashlib
from pathlib import Path

import onnx
import pytest

import models
from models.train.export import read

pytestmark = pytest.mark.kit

FOLDER = Path(models.__file__).parent
MODEL = FOLDER / "default.onnx"


def test_the_card_names_this_very_file() -> None:
    assert hashlib.sha256(MODEL.read_bytes()).hexdigest() in (FOLDER / "CARD.md").read_text("utf-8")


def test_the_shipped_file_is_small_ours_and_can_be_trained_on() -> None:
    assert MODEL.stat().st_size <= 8_000_000
    onnx.checker.check_model(onnx.load(MODEL), full_check=True)
    shipped = read(MODEL)
    assert shipped.description.license == "Apache-2.0"
    assert len(shipped.description.labels) == 20
