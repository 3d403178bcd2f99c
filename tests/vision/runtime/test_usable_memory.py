"""Usable memory from fake machines and control groups of both versions."""

from pathlib import Path

import pytest

from app.vision.runtime.limits import usable_memory

_MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def no_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", raising=False)


def machine(root: Path, **files: str) -> Path:
    """A machine of 8 GiB with ``files``, whose names have ``__`` for each slash."""
    for name, text in {"proc__meminfo": "MemTotal:        8388608 kB\n", **files}.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_machine_is_the_limit_if_nothing_else_is(tmp_path: Path) -> None:
    assert usable_memory(machine(tmp_path)) == 8 << 30


def test_nothing_is_known_of_a_system_without_proc(tmp_path: Path) -> None:
    assert usable_memory(tmp_path) is None


def test_the_smallest_limit_of_the_own_group_and_its_parents_counts(tmp_path: Path) -> None:
    root = machine(tmp_path, proc__self__cgroup="0::/pods/one\n")
    groups = root / "sys/fs/cgroup"
    for name, limit in {"pods/one": "max", "pods": str(512 * _MEBIBYTE), "": "max"}.items():
        (groups / name).mkdir(parents=True, exist_ok=True)
        (groups / name / "memory.max").write_text(f"{limit}\n")
    assert usable_memory(root) == 512 * _MEBIBYTE
    (groups / "pods/one/memory.max").write_text(f"{256 * _MEBIBYTE}\n")
    assert usable_memory(root) == 256 * _MEBIBYTE


@pytest.mark.parametrize(
    ("limit", "usable"),
    [(1024 * _MEBIBYTE, 1024 * _MEBIBYTE), (9223372036854771712, 8 << 30)],
)
def test_version_1_says_no_limit_by_a_huge_number(tmp_path: Path, limit: int, usable: int) -> None:
    root = machine(tmp_path, proc__self__cgroup="5:memory:/docker/abc\n")
    (root / "sys/fs/cgroup/memory").mkdir(parents=True)
    (root / "sys/fs/cgroup/memory/memory.limit_in_bytes").write_text(f"{limit}\n")
    assert usable_memory(root) == usable


def test_a_function_has_the_memory_that_lambda_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
    assert usable_memory(machine(tmp_path)) == 1024 * _MEBIBYTE
