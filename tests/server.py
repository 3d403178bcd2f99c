"""A real Spotter: its own process, a real socket, its log kept."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.harness.process import held_port

REPOSITORY = Path(__file__).parent.parent
START_LIMIT = 300.0
"""Seconds; a limit for machines that are busy, not a promise."""
LIMIT = 120.0
"""Seconds after which a test gives up waiting for what should have come long before."""


def as_a_module(_port: int) -> list[str]:
    return ["-m", "app"]


@dataclass
class Server:
    url: str
    port: int
    process: subprocess.Popen[bytes]
    log_file: Path
    client: httpx.Client

    def log(self) -> list[dict[str, Any]]:
        """The JSON lines so far."""
        return [json.loads(line) for line in self.lines() if line.startswith("{")]

    def lines(self) -> list[str]:
        """What the server has printed, without a last line that it is still writing."""
        return self.output().rpartition("\n")[0].splitlines()

    def logged(self, request_id: str) -> dict[str, Any]:
        """A request's line, which is written after its answer."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            for line in self.log():
                if line["message"] == "request" and line.get("id") == request_id:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"No line for the request {request_id}:\n{self.output()}")

    def output(self) -> str:
        return self.log_file.read_text()

    def memory(self, kind: str) -> int:
        """Bytes that the kernel counts: VmRSS for now, VmHWM for the most there has been."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith(f"{kind}:"))
        return int(line.split()[1]) * 1024

    def detect(self, image: bytes, **params: Any) -> httpx.Response:
        return self.client.post("/detect", files={"file": image}, params=params)

    def figure(self, *series: str) -> float:
        """The sum of the series in /metrics whose lines begin so, all of one moment."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))

    def terminate(self, limit: float = LIMIT) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(limit)


@contextmanager
def serve(
    model: Path | None = None,
    command: Callable[[int], list[str]] = as_a_module,
    /,
    *,
    host: str = "127.0.0.1",
    **settings: str,
) -> Iterator[Server]:
    """``settings`` by their names without SPOTTER_, in lower case.

    ``command``: arguments of Python, for a port. ``host``: the address to bind.
    """
    with held_port() as port, tempfile.TemporaryDirectory() as folder:
        log_file = Path(folder) / "log"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command(port)],
                cwd=REPOSITORY,
                env={**environment(model, port, settings), "HOST": host},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        url = f"http://127.0.0.1:{port}"
        # Certificates would take longer to load than most answers take.
        with httpx.Client(base_url=url, timeout=LIMIT, verify=False, trust_env=False) as client:
            server = Server(url, port, process, log_file, client)
            try:
                _wait_until_ready(server)
                yield server
            finally:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """As it would be ended in earnest, so that what it ran counts as covered; else by force."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_failure(
    model: Path | None = None,
    command: Callable[[int], list[str]] = as_a_module,
    /,
    **settings: str,
) -> tuple[int, str]:
    """Exit code and output of a server that is expected not to start; as ``serve`` otherwise."""
    with held_port() as port:
        done = subprocess.run(
            [sys.executable, *command(port)],
            cwd=REPOSITORY,
            env=environment(model, port, settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=START_LIMIT,
            check=False,
        )
    return done.returncode, done.stdout.decode()


def environment(model: Path | None, port: int, settings: dict[str, str]) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SPOTTER_")}
    given = {f"SPOTTER_{name.upper()}": value for name, value in settings.items()}
    if model is not None:
        given["SPOTTER_MODEL"] = str(model)
    return {**clean, **given, "PORT": str(port), "HOST": "127.0.0.1"}


def _wait_until_ready(server: Server) -> None:
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise RuntimeError(f"The server did not start:\n{server.output()}")
        try:
            if server.client.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"The server was not ready in {START_LIMIT} s:\n{server.output()}")
