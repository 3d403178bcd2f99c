"""The whole command for real, in small: servers, the bare session, table and picture."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from app.settings import DEFAULT_MODEL
from app.vision.model.load import load
from benchmarks import __main__ as bench
from benchmarks.harness import report
from benchmarks.harness.bare_session import feed_of, run_loops
from benchmarks.harness.cgroup import why_unavailable
from benchmarks.harness.cpu_limits import CpuLimit, cpu_limits
from benchmarks.harness.measure import MeasurementFailed, Task, measure
from benchmarks.harness.servers import REPOSITORY, Contender, contenders

CORE = max(os.sched_getaffinity(0))
PHOTO = bench._PHOTO
SMALL = ["--quick", "--seconds", "0.3", "--cores", "one"]


def test_servers_are_measured_beside_the_bare_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    int8 = Path(shutil.copy(DEFAULT_MODEL, tmp_path / "int8.onnx"))
    out = tmp_path / "out"
    names = ("plain", "spotter fp32", "plain, rectangular", "spotter int8")
    which = ["--servers", *names, "bare", "--int8", str(int8)]
    assert bench.main([*SMALL, *which, "--concurrency", "1", "2", "--out", str(out)]) == 0
    rows = report.read(out / "benchmark.json")
    served = [(name, n) for name in names for n in (1, 2)]
    bare = [("session.run", 1), ("session.run, int8", 1)]
    assert [(row.server, row.concurrency) for row in rows] == [*served, *bare]
    for row in rows:
        assert (row.cpu_limit, row.photo, row.errors) == ("1 core", "512 x 512", 0)
        assert 0 < row.p50_ms <= row.p95_ms
        assert 0 < row.cpu_ms < 5000
        assert row.per_second > 0
        assert row.rss_mb > 30
        assert (row.cold_s is None) == row.server.startswith("session.run")
    assert "spotter int8" in capsys.readouterr().out
    assert len((out / "benchmark.md").read_text().splitlines()) == len(rows) + 4
    assert (out / "benchmark.png").read_bytes().startswith(b"\x89PNG")

    again = ["--servers", "bare", "--out", str(out), "--add"]
    assert bench.main([*SMALL, *again]) == 0
    added = report.read(out / "benchmark.json")
    assert [row.key for row in added] == [
        row.key for row in rows if row.key[0] != "session.run"
    ] + [("session.run", "1 core", "512 x 512", 1)]


def test_what_is_not_installed_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    contender = Contender("odd", ("-m", "odd"), needs=("no_such_module",))
    assert contender.interpreter([sys.executable]) is None
    known = {c.name for c in contenders(DEFAULT_MODEL, None, DEFAULT_MODEL, 224)}
    assert {"plain", "plain, rectangular", "spotter fp32", "openvino", "litserve"} < known
    assert ("spotter openvino bf16" in known) == (REPOSITORY / ".venv" / "openvino").is_dir()
    assert bench.main([*SMALL, "--servers", "none of these", "--out", str(tmp_path)]) == 1
    assert "int8: left out, no --int8" in capsys.readouterr().out


def test_another_environment_may_have_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "missing_here.py").touch()
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    contender = Contender("odd", ("-m", "odd"), needs=("missing_here", "json"))
    assert contender.interpreter([sys.executable, str(other)]) == str(other)


def test_a_server_that_does_not_start_says_its_last_words() -> None:
    contender = Contender("odd", ("-c", "raise SystemExit('no luck')"))
    task = Task("now", {"photo": PHOTO.read_bytes()}, [1], 0.1)
    with pytest.raises(MeasurementFailed, match="ended with 1; last line of its log: no luck"):
        list(measure(contender, sys.executable, CpuLimit("1 core", (CORE,)), task))


def test_a_lambda_size_is_held_where_that_is_permitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tenth of a core, for what takes a whole one."""
    given = ["--quick", "--seconds", "1", "--cores", "one", "--lambda-sizes", "177"]
    assert bench.main([*given, "--servers", "bare", "--out", str(tmp_path)]) == 0
    rows = report.read(tmp_path / "benchmark.json")
    if why_unavailable() is not None:
        assert "Lambda sizes left out: no cgroup can be made here" in capsys.readouterr().out
        assert [row.cpu_limit for row in rows] == ["1 core"]
        return
    whole, limited = rows
    assert limited.cpu_limit == "177 MB"
    cores = [row.per_second * row.cpu_ms / 1000 for row in (whole, limited)]
    assert cores[1] < 0.2
    assert cores[0] > 2 * cores[1]
    assert whole.per_second > 1.5 * limited.per_second


def test_the_bare_session_is_given_what_spotter_gives_it() -> None:
    (tensor,) = feed_of(DEFAULT_MODEL, PHOTO.read_bytes()).values()
    assert tensor.shape == (1, 3, *load(DEFAULT_MODEL).description.input.size)
    assert 0 <= tensor.min() < tensor.max() <= 1
    loops = run_loops(DEFAULT_MODEL, {"images": tensor}, 0.2, 1, [{CORE}, {CORE}])
    assert len(loops.runs) >= 2
    assert loops.per_second > 0
    assert loops.rss > 30e6


def test_a_bare_loop_that_fails_is_no_result() -> None:
    with pytest.raises(OSError, match="ended"):
        run_loops(DEFAULT_MODEL, {}, 0.1, 1, [{CORE}])


def test_places_are_cores_and_shares() -> None:
    cores = len(os.sched_getaffinity(0))
    found = cpu_limits(["one", "all"], [512, 1769, 3008, 7076])
    names = ["1 core", *([f"{cores} cores"] if cores > 1 else [])]
    assert [limit.name for limit in found] == [*names, "512 MB", "1769 MB", "3008 MB", "7076 MB"]
    assert found[0].cores == (CORE,)
    assert [len(limit.cores) for limit in found[-4:]] == [min(cores, n) for n in (2, 2, 2, 4)]
    assert [limit.parallel_loops for limit in found[-4:-1]] == [1, 1, min(cores, 2)]
