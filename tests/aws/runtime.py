"""Lambda's runtime API as AWS documents it, and functions that the real runtime client runs."""

import http.server
import importlib.metadata
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

# Not that of the virtual environment.
INTERPRETER = getattr(sys, "_base_executable", sys.executable)
_PREFIX = "/2018-06-01/runtime"
_ARN = "arn:aws:lambda:us-east-1:123456789012:function:spotter"
LIMIT = 300.0
"""Seconds that an invocation has, also on a busy machine."""


@dataclass(frozen=True)
class Outcome:
    """What a function reported of one invocation, or of its start."""

    kind: str
    """response, error, init/error, restore/error or exit."""
    raw: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.raw)


@dataclass
class _Board:
    invocations: "queue.Queue[tuple[str, bytes]]" = field(default_factory=queue.Queue)
    outcomes: "queue.Queue[Outcome]" = field(default_factory=queue.Queue)
    asked: list[str] = field(default_factory=list)
    first_asked_at: float | None = None


class _Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, board: _Board, *args: Any) -> None:
        self.board = board
        super().__init__(*args)

    def do_GET(self) -> None:
        path = self.path.removeprefix(_PREFIX)
        self.board.asked.append(path)
        if path == "/restore/next":
            self._answer(200, b"")
            return
        assert path == "/invocation/next", path
        self.board.first_asked_at = self.board.first_asked_at or time.monotonic()
        name, event = self.board.invocations.get()
        self._answer(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": name,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + LIMIT) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": _ARN,
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
                "Content-Type": "application/json",
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        path = self.path.removeprefix(_PREFIX)
        kind = path.strip("/") if not path.startswith("/invocation/") else path.rpartition("/")[2]
        self.board.outcomes.put(Outcome(kind, body))  # first: some functions end at the answer
        self._answer(202, b"{}")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A function that was ended leaves its connection open."""


@dataclass
class Function:
    process: subprocess.Popen[bytes]
    board: _Board
    log_file: Path

    def invoke(self, event: object) -> Outcome:
        self.board.invocations.put((str(uuid.uuid4()), json.dumps(event).encode()))
        return self.outcome()

    def outcome(self) -> Outcome:
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                return self.board.outcomes.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None and self.board.outcomes.empty():
                    return Outcome("exit", self.log().encode())
        raise AssertionError(f"No outcome in {LIMIT} s:\n{self.log()}")

    def log(self) -> str:
        return self.log_file.read_text()


@dataclass(frozen=True)
class Deployed:
    """A function's unpacked zip, and what AWS has beside it."""

    root: Path
    runtime: Path
    """awslambdaric and boto3."""

    @contextmanager
    def run(
        self,
        folder: Path,
        environment: dict[str, str],
        *,
        handler: str = "app.aws.handler",
        wrapper: tuple[str, ...] = (),
    ) -> Iterator[Function]:
        """``folder`` takes the log; ``wrapper`` is a command that starts the process."""
        board = _Board()
        log_file = folder / f"{uuid.uuid4()}.log"
        with (
            _Server(("127.0.0.1", 0), partial(_Api, board)) as server,
            log_file.open("wb") as log,
        ):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            process = subprocess.Popen(
                # -S: nothing that is installed on this machine is on the path.
                [*wrapper, INTERPRETER, "-S", "-m", "awslambdaric", handler],
                cwd=self.root,
                env={**self._environment(server.server_port), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                yield Function(process, board, log_file)
            finally:
                process.kill()
                process.wait()
                server.shutdown()

    def _environment(self, port: int) -> dict[str, str]:
        """As Lambda sets it, and nothing of this process's but the path."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": str(self.runtime),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "LAMBDA_TASK_ROOT": str(self.root),
            "AWS_LAMBDA_FUNCTION_NAME": "spotter",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def link_runtime(folder: Path) -> Path:
    """What AWS's Python runtime has, out of this environment's packages, into ``folder``."""
    wanted, seen = ["awslambdaric", "boto3"], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        distribution = importlib.metadata.distribution(name)
        needed = [line for line in distribution.requires or [] if "extra ==" not in line]
        wanted += [re.split(r"[^\w.-]", line)[0] for line in needed]
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    return folder
