"""Images named in S3: their bytes count before they are read, as those of bodies do."""

import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.eventually import eventually
from tests.http.client import drawn, problem
from tests.observability.test_metrics import scrape
from tests.server import Server, serve

pytestmark = pytest.mark.load

LIMIT = 100_000
CAPACITY = 10 * LIMIT
BYTES = 90_000
ROOM = CAPACITY // BYTES


class SlowS3(http.server.ThreadingHTTPServer):
    """Every object is a picture of ``BYTES`` bytes, which is sent once ``open`` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.open = threading.Event()
        self.asked: list[str] = []
        self.sick = False


class _Handler(http.server.BaseHTTPRequestHandler):
    server: SlowS3
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        self._head()
        self.server.open.wait(20)
        self.wfile.write(drawn().ljust(BYTES, b"\0"))

    def _head(self) -> None:
        self.server.asked.append(self.command)
        self.send_response(503 if self.server.sick else 200)
        self.send_header("Content-Length", "0" if self.server.sick else str(BYTES))
        self.send_header("ETag", '"one"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def s3() -> Iterator[SlowS3]:
    with SlowS3() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.open.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def server(s3: SlowS3, scripted_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.server_port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with serve(
        scripted_model, s3_buckets="photos", max_body_bytes=str(LIMIT), metrics="open"
    ) as running:
        yield running


def by_name(server: Server) -> httpx.Response:
    reference: Any = {"s3": {"bucket": "photos", "key": "one.png"}}
    return server.client.post("/detect", json=reference)


def test_they_hold_so_many_bytes_and_no_more(s3: SlowS3, server: Server) -> None:
    with ThreadPoolExecutor(3 * ROOM) as pool:
        asked = [pool.submit(by_name, server) for _ in range(3 * ROOM)]
        eventually(lambda: sum(one.done() for one in asked) == 2 * ROOM)
        eventually(lambda: s3.asked.count("GET") == ROOM)
        for refused in (one.result() for one in asked if one.done()):
            assert str(CAPACITY) in problem(refused, 503, "Overloaded")
        s3.open.set()
        answers = [one.result().status_code for one in asked]
    assert sorted(answers) == [200] * ROOM + [503] * 2 * ROOM
    assert s3.asked.count("GET") == ROOM


def test_trouble_of_s3_is_not_a_full_queue(s3: SlowS3, server: Server) -> None:
    s3.sick = True
    answer = by_name(server)
    problem(answer, 503, "Overloaded")
    assert "S3" in answer.json()["title"]
    assert scrape(server, "spotter_rejected_total", reason="storage") == 1
    assert scrape(server, "spotter_rejected_total", reason="overloaded") == 0
