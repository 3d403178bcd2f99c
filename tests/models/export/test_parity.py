from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.vision.arrays import Array
from models import adopt
from models.common import checks
from models.common.commands import CommandError
from models.export import parity
from models.export.parity import compare
from tests.models import tiny


def test_every_number_counts(tmp_path: Path) -> None:
    source, out = tiny.write(tiny.conv_model(), tmp_path / "tiny.onnx"), tmp_path / "out.onnx"
    options = ["--family", "yolov8", "--labels", "a,b", "--out", str(out)]
    assert adopt.main([str(source), *options]) == 0
    detector = checks.detector(out)

    def moved(inputs: Sequence[Array]) -> list[Array]:
        (answer,) = detector.model.run(inputs[0])
        answer[0, 5, 2] += 0.25
        return [answer]

    found = compare(detector, checks.picture(), moved)
    assert found.difference == pytest.approx(0.25)
    assert found.boxes == 6
    with pytest.raises(
        CommandError, match=r"PyTorch answers \[1, 2\] and the ONNX file \[1, 6, 4\]"
    ):
        compare(detector, checks.picture(), lambda inputs: [np.zeros((1, 2))])


def test_rows_are_compared_in_any_order() -> None:
    rows = np.array([[0, 0, 10, 10, 0.9, 1], [5, 5, 20, 20, 0.8, 2], [0, 0, 1, 1, 0.001, 3]])
    assert parity._by_rows(rows, rows[[1, 0, 2]]) == parity.Parity(0, 2)
    moved = rows.copy()
    moved[1, 2] = 22
    assert parity._by_rows(rows, moved).difference == pytest.approx(0.1)
    weaker = rows.copy()
    weaker[2, 4] = 0.2
    found = parity._by_rows(rows[2:], weaker[2:])
    assert found.difference == pytest.approx(0.199)
    assert found.boxes == 0
