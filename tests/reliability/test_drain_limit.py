"""SIGTERM during work that does not end: the answers are 503, and the process is gone in time."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.http.client import (
    Wire,
    drawn,
    problem,
    sent,
    until_begun,
    until_refused,
    until_taken,
)
from tests.http.scripted import WHITE, write_model
from tests.server import LIMIT, Server, serve

ENDLESS = drawn(colour=WHITE)
DRAIN_SECONDS = 4
SOON = 15
"""Seconds that a busy machine may take longer; the work itself would take many minutes."""
PATIENT_SECONDS = 600
AS_SINCE_PYTHON_3_12 = """
import asyncio, sys
async def wait_closed(server):
    while server._active_count:
        await asyncio.sleep(0.1)
if sys.version_info < (3, 12):
    asyncio.base_events.Server.wait_closed = wait_closed
"""
"""Closing a server then waits for its connections."""
AMAZON = {"Content-Type": "application/x-amz-json-1.1"}


@contextmanager
def endless(folder: Path, drain_seconds: int) -> Iterator[Server]:
    """A white picture takes its model, which is C code, half an hour."""
    main = f"from app.__main__ import main; main(drain_seconds={drain_seconds})"
    program = AS_SINCE_PYTHON_3_12 + main
    model = write_model(folder / "endless.onnx", white_steps=3_000_000)
    settings = {"concurrency": "1", "queue": "4", "threads": "1"}
    settings["cors_origins"] = "https://a.example"
    with serve(model, lambda _: ["-c", program], **settings) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with endless(tmp_path, DRAIN_SECONDS) as server:
        yield server


def ends_in_time(server: Server) -> None:
    assert server.process.wait(DRAIN_SECONDS + SOON) == 0
    assert "Traceback" not in server.output()
    assert "Exception" not in server.output()


def test_what_is_not_done_in_time_is_answered_and_the_process_ends(server: Server) -> None:
    """What runs, what waits, and a body on its way, on each surface."""
    form = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "1000"}
    target = {"X-Amz-Target": "RekognitionService.DetectLabels", "Content-Length": "1000"}
    origin = {"Origin": "https://a.example", "Content-Length": "1000"}
    with (
        sent(server, ENDLESS, 2) as wires,
        Wire(server) as uploading,
        Wire(server) as deepstack,
        Wire(server) as rekognition,
    ):
        uploading.head("POST", "/detect", origin).send(b"x")
        deepstack.head("POST", "/v1/vision/detection", form).send(b"x")
        rekognition.head("POST", "/", {**AMAZON, **target}).send(b"x")
        until_begun(server, 5)
        until_taken(server, 2)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        cut = [wire.response() for wire in (*wires, uploading)]
        for answer in cut:
            assert "shut down" in problem(answer, 503, "ModelUnavailable")
            assert answer.headers["connection"] == "close"
        assert cut[2].headers["access-control-allow-origin"] == "https://a.example"
        in_its_words = deepstack.response()
        assert in_its_words.status_code == 503
        assert in_its_words.json()["success"] is False
        assert rekognition.response().json()["__type"].endswith("InternalServerError")
        assert time.monotonic() - began > DRAIN_SECONDS - 2
        ends_in_time(server)
    lines = [line for line in server.log() if line["message"] == "request" and "code" in line]
    assert {(line["status"], line["code"]) for line in lines} >= {(503, "ModelUnavailable")}
    (last,) = (line for line in server.log() if "threads were still working" in line["message"])
    assert last["level"] == "warning"


def test_work_whose_client_has_left_is_not_waited_for(server: Server) -> None:
    with sent(server, ENDLESS, 1):
        until_taken(server, 1)
    eventually(lambda: any(line.get("gone") for line in server.log()))
    server.process.send_signal(signal.SIGTERM)
    ends_in_time(server)


def test_twice_interrupted_it_ends_at_once(tmp_path: Path) -> None:
    """Ctrl+C, and again."""
    with endless(tmp_path, PATIENT_SECONDS) as server, sent(server, ENDLESS, 1):
        until_taken(server, 1)
        server.process.send_signal(signal.SIGINT)
        until_refused(server)  # of two signals at the same moment it would see one
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(LIMIT) == 0
