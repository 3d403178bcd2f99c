"""Requests made to confuse: refused in the documented form, and nothing of them is believed."""

from contextlib import suppress
from pathlib import Path

import pytest

from tests.hostile.hunt import MOST_GROWTH
from tests.hostile.requests import made
from tests.hostile.siege import besiege
from tests.http.client import Wire, problem
from tests.server import Server, serve

COUNT = 2500
EVERY_OUTCOME = {
    *("200", "400", "400 BadRequest", "404 NotFound", "405 MethodNotAllowed", "waits"),
    *("413 ImageTooLarge", "415 InvalidImageFormat", "422 InvalidImage", "422 InvalidParameter"),
    *("400 InvalidImageFormatException", "400 SerializationException"),
}


def test_bent_requests(scripted_model: Path) -> None:
    """The first of those that ``python -m tests.hostile.fuzz --requests`` sends."""
    with serve(scripted_model, allowed_hosts="*") as server:
        siege = besiege(server, 1, range(COUNT))
        # A leak grows again with the same requests; what malloc keeps of the largest does not.
        if siege.grown >= MOST_GROWTH:
            siege = besiege(server, 1, range(COUNT))
    assert siege.wrong == {}
    assert siege.log == ""
    assert siege.grown < MOST_GROWTH
    assert siege.outcomes.keys() >= EVERY_OUTCOME
    assert siege.outcomes["200"] > COUNT / 10


def test_the_same_seed_gives_the_same_requests() -> None:
    assert [made(7, n).wire() for n in range(30)] == [made(7, n).wire() for n in range(30)]
    assert made(7, 1).wire() != made(8, 1).wire()


# Not HTTP at all, or HTTP that contradicts itself.

POST = b"POST /detect HTTP/1.1\r\nHost: a\r\n"
ILL_FORMED = {
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no path": b"GET\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "a negative length": POST + b"Content-Length: -5\r\n\r\n",
    "a length of other digits": POST + "Content-Length: \u0665\r\n\r\n".encode(),
    "an unknown coding": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "a folded start": b"GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n",
    "a space before a colon": b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
    "a zero byte": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "a bad chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a flood of headers": b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000,
    "a long path": b"GET /" + b"x" * 33_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 33_000 + b"\r\n\r\n",
    "headers without end": b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 6_000,
}


@pytest.mark.parametrize("name", ILL_FORMED)
def test_what_is_not_http(server: Server, name: str) -> None:
    """The answer of uvicorn itself, in the form of all others."""
    with Wire(server) as wire:
        answer = wire.send(ILL_FORMED[name]).response()
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.json()["code"] == "BadRequest"
        assert wire.socket.recv(1) == b""


def test_a_body_in_the_smallest_of_chunks(server: Server) -> None:
    """A megabyte of them would take seconds."""
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    for size, most, status in ((1, 1000, 415), (1, 2000, 400), (32, 2000, 415), (31, 1500, 400)):
        chunk = b"%x\r\n" % size + bytes(size) + b"\r\n"
        with Wire(server) as wire:
            for _ in range(2):  # one request after the other on the same connection
                answer = wire.send(chunked + chunk * most + b"0\r\n\r\n").response()
                assert answer.status_code == status, (size, most)
                if status == 400:
                    assert answer.json()["code"] == "BadRequest"
                    break


@pytest.mark.parametrize("many", [b"a:\r\n" * 8000, b"Cookie: " + b"a=b;" * 7900 + b"\r\n"])
def test_as_many_headers_as_may_be(server: Server, many: bytes) -> None:
    """And a body in one piece with them, which does not count."""
    head = POST + b"Content-Length: 300000\r\n" + many + b"\r\n"
    with Wire(server) as wire:
        answer = wire.send(head + bytes(300_000)).response()
    problem(answer, 415, "InvalidImageFormat")


def test_rubbish_behind_an_answer_gets_none(server: Server) -> None:
    """h11 allows no second answer then; uvicorn used to break on it."""
    with Wire(server) as wire:
        wire.head("GET", "/healthz", {"Connection": "close", "Transfer-Encoding": "chunked"})
        assert wire.response().status_code == 200
        with suppress(ConnectionError):  # it may be closed by then
            wire.send(b"zz\r\n\r\n")
            assert wire.socket.recv(100) == b""
    with Wire(server) as wire:
        assert wire.head("GET", "/healthz").response().status_code == 200
        assert wire.send(b"\0\r\n\r\n").response().status_code == 400


@pytest.mark.parametrize("order", [1, -1])
def test_a_length_and_chunks(server: Server, order: int) -> None:
    """Whoever passed it on may have gone by the other: nothing that follows is a request."""
    hidden = b"GET /model HTTP/1.1\r\nHost: a\r\n\r\n"
    both = [("Content-Length", str(5 + len(hidden))), ("Transfer-Encoding", "chunked")]
    with Wire(server) as wire:
        # In one piece: what comes after the end may find a connection that is closed and reset it.
        wire.head("POST", "/detect", dict(both[::order]), b"0\r\n\r\n" + hidden)
        assert "not both" in problem(wire.response(), 400, "BadRequest")
        assert wire.socket.recv(1) == b""


# Paths.


@pytest.mark.parametrize(
    "path",
    [
        *("/page/../main.py", "/page/..%2f..%2fmain.py", "/page/%2e%2e/%2e%2e/settings.py"),
        *("/page/%2e%2e%5c%2e%2e%5cmain.py", "/page//etc/passwd", "/page/%2fetc%2fpasswd"),
        *("/page/js/%00", "/page/js/main.js%00.css", "/page/js", "/page/"),
        *(
            "/docs-files/../__init__.py",
            "/docs-files/..%2f__init__.py",
            "/docs-files/%2e%2e/core.py",
        ),
        *("//etc/passwd", "//page//../main.py", "/%2e%2e/%2e%2e/etc/passwd", "/page/....//main.py"),
        *("/page/" + "a/" * 3000, "/page/" + "a" * 3000, "/page/%f0%9f%98%80", "/page/%ff%fe"),
        *("/page/con", "/page/js/main.js::$DATA", "/page/c:%5cwindows%5cwin.ini", "/page/~root"),
    ],
)
def test_no_way_out_of_the_folders(server: Server, path: str) -> None:
    with Wire(server) as wire:
        answer = wire.head("GET", path).response()
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert not any(word in answer.text for word in ("import ", "root:", "swagger"))


def test_a_whole_address_as_the_path_is_no_proxy(server: Server) -> None:
    with Wire(server) as wire:
        answer = wire.head("GET", "http://elsewhere.example/healthz").response()
    assert answer.status_code == 404
    with Wire(server) as wire:
        assert wire.head("CONNECT", "elsewhere.example:443").response().status_code in (400, 404)
