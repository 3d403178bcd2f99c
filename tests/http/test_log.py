"""The log: one JSON line a request, nothing of the image, and nothing that a client can forge."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.client import Wire, base64_of, drawn, multipart, post
from tests.server import Server, serve

IMAGE = drawn(40, 30, (200, 30, 60))


@pytest.fixture(scope="module")
def server(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model) as server:
        yield server


def lines(server: Server) -> list[str]:
    """Without the two that tell a person the address."""
    return [line for line in server.lines() if line and "ready: http" not in line]


def test_a_line_for_a_detection(server: Server) -> None:
    post(server, IMAGE, headers={"X-Request-Id": "one"}, params={"confidence": "0.4"})
    line = server.logged("one")
    assert line.pop("time").endswith("Z")
    stages = line.pop("stages")
    assert list(stages) == [
        "read",
        "wait",
        "decode",
        "preprocess",
        "inference",
        "postprocess",
        "encode",
    ]
    assert line.pop("ms") >= sum(stages.values()) - 1
    assert line == {
        "level": "info",
        "message": "request",
        "id": "one",
        "method": "POST",
        "path": "/detect",
        "status": 200,
        "bytes": len(IMAGE),
        "image": [40, 30],
        "detections": 2,
    }


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [("text", b"hello", 415), ("cut", IMAGE[:60], 422), ("empty", b"", 415)],
    ids=["text", "cut", "empty"],
)
def test_a_line_for_what_is_refused(server: Server, name: str, body: bytes, status: int) -> None:
    post(server, body, headers={"X-Request-Id": name})
    line = server.logged(name)
    assert (line["status"], line["bytes"]) == (status, len(body))
    assert "image" not in line


def test_a_request_has_one_line(server: Server) -> None:
    for number in range(5):
        post(server, IMAGE, headers={"X-Request-Id": f"many-{number}"})
    for number in range(5):
        server.logged(f"many-{number}")
    mine = [line["id"] for line in server.log() if line.get("id", "").startswith("many-")]
    assert sorted(mine) == [f"many-{number}" for number in range(5)]


@pytest.mark.parametrize(
    "target",
    [
        '/x%0a{"level":"info","message":"forged"}',
        "/x%0d%0aforged",
        "/%1b[31mforged",
        "/%e2%80%a8forged",
        "/forged?x=%0aforged",
    ],
)
def test_a_path_cannot_forge_a_line(server: Server, target: str) -> None:
    before = len(lines(server))
    answer = server.client.get(target)
    assert answer.status_code == 404
    server.logged(answer.headers["x-request-id"])
    added = lines(server)[before:]
    assert [json.loads(line)["message"] for line in added] == ["request"]
    assert added[0].isascii()
    assert added[0].isprintable()


def test_headers_do_not_reach_the_log(server: Server) -> None:
    secrets = {"User-Agent": "forged-agent", "Cookie": "forged-cookie", "X-Request-Id": "forged id"}
    answer = post(server, IMAGE, headers=secrets)
    server.logged(answer.headers["x-request-id"])
    assert "forged-agent" not in server.output()
    assert "forged-cookie" not in server.output()
    assert "forged id" not in server.output()


def test_no_image_data_reaches_the_log(server: Server) -> None:
    text = base64_of(IMAGE)
    for body in (
        IMAGE,
        f'{{"image": "{text}"}}'.encode(),
        f'{{"image": "{text}*"}}'.encode(),
        multipart(("file", IMAGE), end=False),
        IMAGE[:-30],
    ):
        answer = post(server, body)
        server.logged(answer.headers["x-request-id"])
    output = server.output()
    assert text[:20] not in output
    assert "IHDR" not in output
    assert max(len(line) for line in lines(server)) < 1000


@pytest.mark.parametrize("sent", [0, 50])
@pytest.mark.parametrize("path", ["/detect", "/v1/vision/detection", "/"])
def test_a_body_cut_by_the_client(server: Server, path: str, sent: int) -> None:
    """Nobody is left to answer: no status, no error, one line."""
    name = f"cut-{sent}-{len(path)}"
    headers = {
        "Content-Length": str(len(IMAGE)),
        "X-Request-Id": name,
        "X-Amz-Target": "RekognitionService.DetectLabels",
    }
    with Wire(server) as wire:
        wire.head("POST", path, headers).send(IMAGE[:sent])
        time.sleep(0.1)
    line = server.logged(name)
    assert line["status"] is None
    assert line["gone"] is True
    assert line["level"] == "info"
    assert "Traceback" not in server.output()


def test_a_broken_chunk(server: Server) -> None:
    headers = {"Transfer-Encoding": "chunked", "X-Request-Id": "chunk"}
    with Wire(server) as wire:
        wire.head("POST", "/detect", headers).send(b"zz\r\nno length\r\n")
        assert wire.socket.recv(12) in (b"HTTP/1.1 400", b"")
    server.logged("chunk")
    assert "Traceback" not in server.output()
    assert post(server, IMAGE).status_code == 200


def test_nonsense_instead_of_http(server: Server) -> None:
    for nonsense in (
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"\0" * 100,
        b"GET / HTTP/9\r\n\r\n",
    ):
        with Wire(server) as wire:
            wire.send(nonsense)
            wire.socket.settimeout(2)
            try:
                wire.socket.recv(1000)
            except OSError:
                continue
    assert "Traceback" not in server.output()
    assert all(json.loads(line)["message"] for line in lines(server))


def test_the_level_is_a_setting(scripted_model: Path) -> None:
    with serve(scripted_model, log_level="WARNING") as quiet:
        assert post(quiet, IMAGE).status_code == 200
        assert lines(quiet) == []
