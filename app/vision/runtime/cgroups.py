"""Limits that the kernel's control groups set for this process, in version 1 and 2."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def limits(
    root: Path,
    controller: str,
    version_2: Callable[[Path], T | None],
    version_1: Callable[[Path], T | None],
) -> Iterator[T]:
    """What the two functions read from the folders of this process's groups and their parents.

    ``root`` is ``/`` but in tests. A function returns None if its group sets no limit.
    """
    for line in text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers == "":
            yield from _climb(root / "sys/fs/cgroup", name, version_2)
        elif controller in controllers.split(","):
            for mount in dict.fromkeys((controllers, controller)):
                yield from _climb(root / "sys/fs/cgroup" / mount, name, version_1)


def text(path: Path) -> str:
    """Empty if the file cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _climb(mount: Path, name: str, read: Callable[[Path], T | None]) -> Iterator[T]:
    """From the group up to the mount; a container often does not see its own group."""
    folder = mount / name.lstrip("/")
    while True:
        limit = read(folder)
        if limit is not None:
            yield limit
        if folder == mount or mount not in folder.parents:
            return
        folder = folder.parent
