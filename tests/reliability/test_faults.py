"""What goes wrong around a server, done to a real process: it answers, stays, and recovers."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest
import yaml

from app.errors import StartError
from app.server.drain_limit import DRAIN_SECONDS
from app.vision.model.load import load
from benchmarks.harness.load import drive, raw_request
from benchmarks.harness.open_loop import Tally, offer
from benchmarks.harness.process import held_port
from tests.eventually import eventually
from tests.http.client import (
    Wire,
    drawn,
    is_answered,
    post,
    problem,
    sent,
    statuses,
    until_begun,
    until_refused,
    until_taken,
)
from tests.http.scripted import BLUE, RED, WHITE, write_model
from tests.server import (
    LIMIT,
    REPOSITORY,
    START_LIMIT,
    Server,
    environment,
    serve,
)

IMAGE, FATAL, HUNGRY = drawn(), drawn(colour=RED), drawn(colour=BLUE)
MB = 1024 * 1024


@contextmanager
def started(
    model: Path,
    out: IO[bytes] | int,
    prepare: Callable[[], None] | None = None,
    *,
    wait: bool = True,
    **extra: str,
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server whose process the test sets up; it listens, unless it is not waited for."""
    with held_port() as port:
        process = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=REPOSITORY,
            env={**environment(model, port, {}), **extra},
            stdout=out,
            stderr=subprocess.PIPE,
            preexec_fn=prepare,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            if wait:
                eventually(lambda: answers(url) or process.poll() is not None, START_LIMIT)
            yield process, url
        finally:
            process.kill()
            process.communicate()


def client_of(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=LIMIT, trust_env=False)


def answers(url: str) -> bool:
    try:
        with client_of(url) as client:
            return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


# The model file


def test_the_model_file_is_replaced_cut_and_removed_while_it_is_served(
    tmp_path: Path, scripted_model: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(scripted_model.read_bytes())
    with serve(model) as server:
        before = server.client.get("/model").json()
        expected = post(server, IMAGE).json()
        other = write_model(tmp_path / "other.onnx", white_steps=1)
        for spoil in (
            lambda: other.replace(model),
            lambda: model.write_bytes(b"no model"),
            lambda: os.truncate(model, 0),
            model.unlink,
        ):
            spoil()
            assert post(server, IMAGE).json() == expected
        assert server.client.get("/model").json() == before
        assert server.client.get("/healthz").status_code == 200


def test_a_model_file_that_may_not_be_read(
    scripted_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is played."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("app.vision.model.file_hash.os.open", refuse)
    with pytest.raises(StartError, match=r"scripted\.onnx cannot be read: Permission denied"):
        load(scripted_model)


# The disk


def no_file_grows() -> None:
    """As on a full disk: not a byte can be written to any file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_nothing_is_written_to_any_disk(tmp_path: Path, scripted_model: Path) -> None:
    """Neither for large bodies nor for forms nor for pictures; the log goes to a pipe."""
    large = drawn() + bytes(10 * MB)
    with (
        started(scripted_model, subprocess.DEVNULL, no_file_grows, TMPDIR=str(tmp_path)) as (
            _,
            url,
        ),
        client_of(url) as client,
    ):
        assert client.post("/detect", content=large).status_code == 200
        assert client.post("/detect", files={"file": large}).status_code == 200
        assert client.post("/detect", content=large * 2).status_code == 413
        picture = client.post("/detect", content=IMAGE, headers={"Accept": "image/png"})
        assert picture.headers["content-type"] == "image/png"
        assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_written_stops_nothing(scripted_model: Path) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        started(scripted_model, full) as (process, url),
        client_of(url) as client,
    ):
        for _ in range(20):
            assert client.post("/detect", content=IMAGE).status_code == 200
        assert process.poll() is None


# Memory


def test_a_run_that_finds_no_memory_is_told_and_the_next_one_works(scripted: Server) -> None:
    assert "memory" in problem(post(scripted, HUNGRY), 503, "ModelUnavailable")
    assert post(scripted, IMAGE).status_code == 200
    assert scripted.client.get("/healthz").status_code == 200


def test_without_memory_for_a_picture(scripted_model: Path) -> None:
    """The process may take 60 MB more than it has, and the picture takes 150 MB."""
    large = drawn(7000, 7000)
    with serve(scripted_model) as server:
        assert post(server, IMAGE).status_code == 200
        pid = server.process.pid
        size = server.memory("VmSize") + 60 * MB
        before = resource.prlimit(pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
        for _ in range(3):
            assert "memory" in problem(post(server, large), 503, "ModelUnavailable")
            assert post(server, IMAGE).status_code == 200
        resource.prlimit(pid, resource.RLIMIT_AS, before)
        assert post(server, large).status_code == 200


# The session


def test_a_session_that_fails_is_told_with_an_id_that_the_log_has(scripted: Server) -> None:
    failed = post(scripted, FATAL, headers={"X-Request-Id": "the-failed-one"})
    assert "the-failed-one" in problem(failed, 500, "InternalError")
    (line,) = (
        line
        for line in scripted.log()
        if line.get("id") == "the-failed-one" and line["level"] == "error"
    )
    assert "Gather" in line["exception"]
    assert post(scripted, IMAGE).status_code == 200


def test_a_server_that_failed_once_says_yes_again_by_itself(scripted: Server) -> None:
    """Where nobody sends images to one that says no, nothing else would bring it back."""
    assert post(scripted, FATAL).status_code == 500
    assert scripted.client.get("/healthz").status_code == 503
    eventually(lambda: scripted.client.get("/healthz").status_code == 200, limit=15)


# Signals


def test_a_signal_under_load_loses_nothing_that_was_accepted(scripted_model: Path) -> None:
    """Clients that ask again and again; each is answered, or told that nobody listens."""
    settings = {"concurrency": "1", "queue": "50", "threads": "1"}
    image = drawn(colour=WHITE)
    head, half = {"Content-Length": str(len(image))}, len(image) // 2
    with serve(scripted_model, **settings) as server, Wire(server) as last:
        last.head("POST", "/detect", head).send(image[:half])
        until_begun(server, 1)
        with sent(server, image, 12) as wires:
            until_taken(server, 12)
            server.process.send_signal(signal.SIGTERM)
            until_refused(server)
            late = [wire for wire in wires if not is_answered(wire)]
            wires.append(last.send(image[half:]))
            answers = {wire: wire.response() for wire in wires}
        assert [answer.status_code for answer in answers.values()] == [200] * 13
        told = {answers[wire].headers.get("connection") for wire in [*late, last]}
        assert told == {"close"}
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.output()


def test_a_request_on_its_way_when_the_signal_comes_is_answered(scripted_model: Path) -> None:
    """On connections that were idle until then, sent just before the signal."""
    for _ in range(5):
        with serve(scripted_model) as server, ExitStack() as stack:
            wires = [stack.enter_context(Wire(server)) for _ in range(8)]
            for wire in wires:
                wire.head("GET", "/healthz")
            assert statuses(wires) == [200] * 8
            head = {"Content-Length": str(len(IMAGE))}
            for wire in wires:
                wire.head("POST", "/detect", head).send(IMAGE)
            server.process.send_signal(signal.SIGTERM)
            assert statuses(wires) == [200] * 8
            assert server.process.wait(20) == 0


@pytest.mark.load
def test_under_twice_its_load_a_signal_loses_nothing_that_was_sent_before(tmp_path: Path) -> None:
    """Each request on a connection of its own; who comes later finds nobody listening."""
    model = write_model(tmp_path / "quick.onnx", white_steps=60)
    request = raw_request("/detect", drawn(colour=WHITE))
    with serve(model, concurrency="1", queue="8", threads="1") as server:
        rate = max(60.0, 2 * drive(server.port, request, 2, 1).per_second)

        async def rush() -> tuple[Tally, Tally]:
            before = asyncio.create_task(offer(server.port, [request], rate, 2))
            await asyncio.sleep(2)
            server.process.send_signal(signal.SIGTERM)
            after = await offer(server.port, [request], rate, 0.5)
            return await before, after

        before, after = asyncio.run(rush())
        assert server.process.wait(20) == 0
    assert not before.others
    assert len(before.accepted) > 20
    assert before.refused
    assert after.others["ConnectionRefusedError"] > 20
    assert set(after.others) <= {"ConnectionRefusedError", "ConnectionResetError"}


def catches_sigterm(process: "subprocess.Popen[bytes]") -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.4, 0.8])
def test_a_signal_during_the_start_ends_it(scripted_model: Path, delay: float) -> None:
    """As PID 1 of a container has it: until it has a handler the signal would be lost."""

    def ignore() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    with started(scripted_model, subprocess.DEVNULL, ignore, wait=False) as (process, _):
        eventually(lambda: catches_sigterm(process), START_LIMIT)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_after_a_kill_it_starts_again_on_the_same_port(scripted_model: Path) -> None:
    """With connections open, as compose's restart policy would."""
    with serve(scripted_model) as server, Wire(server) as wire:
        wire.head("POST", "/detect", {"Content-Length": "1000"}).send(b"x")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(LIMIT)
        again = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=REPOSITORY,
            env=environment(scripted_model, server.port, {}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: answers(server.url), START_LIMIT)
            assert again.poll() is None
        finally:
            again.kill()
            again.wait()


def test_compose_starts_it_again_and_gives_it_time_to_end() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    service = compose["services"]["spotter"]
    assert service["restart"] == "unless-stopped"
    assert service["init"] is True  # PID 1 has no default for a signal before Python is up
    grace = float(service["stop_grace_period"].removesuffix("s"))
    assert grace == DRAIN_SECONDS + 5


# The clock

JUMPING = """
import random, time
_now, _now_ns = time.time, time.time_ns
_chance = random.Random(1)
time.time = lambda: _now() + _chance.uniform(-86400, 86400)
time.time_ns = lambda: _now_ns() + _chance.randrange(-(10**14), 10**14)
"""


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, scripted_model: Path) -> None:
    """By up to a day, at each look; durations, deadlines and Retry-After are of another clock."""
    (tmp_path / "sitecustomize.py").write_text(JUMPING)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    slow = drawn(colour=WHITE)
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        started(
            scripted_model, out, PYTHONPATH=path, SPOTTER_QUEUE="1", SPOTTER_CONCURRENCY="1"
        ) as (
            process,
            url,
        ),
        client_of(url) as client,
    ):
        for _ in range(5):
            answer = client.post("/detect", content=slow)
            assert answer.status_code == 200
            stages = answer.headers["server-timing"].split(", ")
            assert all(0 <= float(stage.split("=")[1]) < 30_000 for stage in stages)
        time.sleep(6)  # past the keep-alive of idle connections
        assert client.get("/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    lines = [line for line in log.read_text().splitlines() if '"request"' in line]
    milliseconds = [float(line.split('"ms": ')[1].split(",")[0].rstrip("}")) for line in lines]
    assert len(milliseconds) >= 6
    assert all(0 <= spent < 30_000 for spent in milliseconds)
