"""Runs a server in its own processes, pinned to cores."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_START_TIMEOUT_SECONDS = 120.0


@dataclass
class Running:
    """A running server; the figures cover its process and all descendants."""

    process: subprocess.Popen[bytes]
    port: int
    began: float

    def cpu_seconds(self) -> float:
        """User and system time so far, of all threads."""
        ticks = 0
        for pid in tree(self.process.pid):
            with suppress(OSError):
                ticks += sum(map(int, _stat(pid)[11:15]))  # its own and those of ended children
        return ticks / _TICKS_PER_SECOND

    def rss(self) -> int:
        """Resident bytes now."""
        return self._status("VmRSS")

    def peak_rss(self) -> int:
        """Largest resident bytes since the start or the last ``forget_peak``."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Lets ``peak_rss`` start again from now, if the kernel allows it."""
        for pid in tree(self.process.pid):
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def descriptors(self) -> int:
        """Number of open files and sockets."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def _status(self, key: str) -> int:
        total = 0
        for pid in tree(self.process.pid):
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith(key + ":"):
                        total += int(line.split()[1]) * 1024
        if not total:
            raise RuntimeError(f"no {key}: the process has ended")
        return total


@contextmanager
def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    cores: set[int],
    join: Callable[[], None] | None = None,
    log: IO[bytes] | None = None,
) -> Iterator[Running]:
    """Starts a server, yields as soon as it listens, and kills it and its descendants.

    ``{port}`` in the command is replaced. ``join`` runs in the child, to join a cgroup. Raises
    RuntimeError if the server ends or does not listen within two minutes.
    """
    with held_port() as port:
        began = time.perf_counter()
        command = [part.replace("{port}", str(port)) for part in command]
        process = start(command, {**environment, "PORT": str(port)}, cores, join, log)
        try:
            _wait_until_listening(process, port)
            yield Running(process, port, began)
        finally:
            stop(process)


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    cores: set[int],
    join: Callable[[], None] | None = None,
    log: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a process on ``cores`` in its own session."""

    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        if join is not None:
            join()

    return subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=log if log is not None else subprocess.DEVNULL,
        preexec_fn=prepare,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and its descendants."""
    for pid in tree(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tree(pid: int) -> list[int]:
    """Identifiers of the process and of all its living descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                children.setdefault(int(_stat(int(folder.name))[1]), []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat, from the state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError(f"{process.args!r} did not listen within {_START_TIMEOUT_SECONDS} s")


@contextmanager
def held_port() -> Iterator[int]:
    """A port on which nobody listens, and that the system gives to nobody else meanwhile.

    If it were only free, another server could get it before ours listens. Linux lets a server bind
    it nevertheless: both sockets have SO_REUSEADDR, and this one does not listen.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        if sys.platform != "linux":
            holder.close()
        yield port
