"""The whole command in small; how much memory is right is for the command's reader."""

import re

import pytest

from benchmarks import memory


def test_the_server_is_compared_with_a_bare_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert memory.main(["--turns", "1", "--runs", "2"]) == 0
    rows = re.findall(
        r"^\| ([^|]+) \| (\d+) \| (-?\d+) \| (\d*) \| ([\d.]*) \|$", _out(capsys), re.M
    )
    assert [row[0] for row in rows] == [
        *("Python", "numpy", "onnxruntime", "Pillow", "FastAPI and uvicorn"),
        *("session", "first photo", "under load"),
    ]
    for _, size, _, _, ratio in rows[-2:]:
        assert int(size) > 30
        assert 0.3 < float(ratio) < 5


def test_a_ratio_is_of_the_medians() -> None:
    scripts = [{"first photo": n * 10**8, "under load": 2 * 10**8} for n in (1, 2, 9)]
    servers = [{"first photo": 3 * 10**8, "under load": n * 10**8} for n in (2, 5, 3)]
    assert memory.table(scripts, servers).splitlines()[2:] == [
        "| first photo | 200 | 200 | 300 | 1.50 |",
        "| under load | 200 | 0 | 300 | 1.50 |",
    ]


def _out(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out
