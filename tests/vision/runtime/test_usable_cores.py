"""Usable cores from fake cgroup trees of both versions."""

import os
from pathlib import Path

import pytest

from app.vision.runtime.limits import usable_cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def v2(root: Path, own: str, **quotas: str) -> int:
    """Quotas by their group, dots for slashes, "top" for the mount."""
    files = {
        f"sys/fs/cgroup/{'' if group == 'top' else group.replace('__', '/')}/cpu.max": text
        for group, text in quotas.items()
    }
    return usable_cores(tree(root, {"proc/self/cgroup": f"0::{own}\n", **files}))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("58000 100000\n", 1),
        ("100000 100000\n", 1),
        ("150000 100000\n", 2),
        ("200000 100000", 2),
        ("250000 50000\n", 5),
        ("3200000 100000\n", 8),  # more than there are
        ("max 100000\n", 8),
        ("1000 100000\n", 1),
        ("", 8),
        ("nonsense\n", 8),
        ("100000\n", 8),
        ("100000 0\n", 8),
    ],
)
def test_a_quota_of_version_2(tmp_path: Path, quota: str, cores: int) -> None:
    assert v2(tmp_path, "/", top=quota) == cores


def test_the_least_quota_of_all_groups_above_counts(tmp_path: Path) -> None:
    some = {"top": "max 100000", "a": "300000 100000", "a__b": "600000 100000"}
    assert v2(tmp_path / "1", "/a/b", **some) == 3
    assert v2(tmp_path / "2", "/a/b", **some, a__b__c="100000 100000") == 3  # below: not ours
    assert v2(tmp_path / "3", "/a/b/c", **some, a__b__c="150000 100000") == 2
    assert v2(tmp_path / "4", "/", **some) == 8


def test_a_group_that_the_container_does_not_see_leaves_what_it_sees(tmp_path: Path) -> None:
    assert v2(tmp_path, "/docker/0123", top="200000 100000") == 2


def test_no_path_leads_out_of_the_mount(tmp_path: Path) -> None:
    assert v2(tmp_path, "/../../..", top="200000 100000") == 2


def v1(root: Path, mount: str, quota: str, period: str = "100000\n", own: str = "/") -> int:
    lines = f"12:memory:/x\n5:cpu,cpuacct:{own}\n1:name=systemd:/y\n"
    folder = f"sys/fs/cgroup/{mount}"
    return usable_cores(
        tree(
            root,
            {
                "proc/self/cgroup": lines,
                f"{folder}/cpu.cfs_quota_us": quota,
                f"{folder}/cpu.cfs_period_us": period,
            },
        )
    )


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [
        ("58000\n", "100000\n", 1),
        ("150000\n", "100000\n", 2),
        ("150000\n", "50000\n", 3),
        ("-1\n", "100000\n", 8),
        ("150000\n", "", 8),
        ("150000\n", "0\n", 8),
    ],
)
def test_a_quota_of_version_1(
    tmp_path: Path, mount: str, quota: str, period: str, cores: int
) -> None:
    assert v1(tmp_path, mount, quota, period) == cores


def test_nested_groups_of_version_1(tmp_path: Path) -> None:
    assert v1(tmp_path, "cpu/kube/pod", "250000", own="/kube/pod/container") == 3


def test_a_cpuset_is_no_quota(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "3:cpuset:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    assert usable_cores(tree(tmp_path, files)) == 8


def test_without_any_files_affinity_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert usable_cores(tmp_path) == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert usable_cores(tmp_path) == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert usable_cores(tmp_path) == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores(tmp_path) == 1
