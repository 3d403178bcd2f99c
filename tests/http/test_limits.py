"""Bytes and pixels beyond the limits are refused as early as they can be known."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.client import Wire, base64_of, chunks, drawn, multipart, post, problem
from tests.server import Server, serve

LIMIT = 20_000


@pytest.fixture(scope="module")
def limited(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, max_body_bytes=str(LIMIT), max_pixels="10000") as server:
        yield server


@pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}])
def test_a_declared_length_is_refused_before_it_is_sent(
    limited: Server, expect: dict[str, str]
) -> None:
    with Wire(limited) as wire:
        headers = {"Content-Length": str(LIMIT + 1), **expect}
        answer = wire.head("POST", "/detect", headers).response()
    assert str(LIMIT) in problem(answer, 413, "ImageTooLarge")


def test_who_asks_is_told_to_go_on(limited: Server) -> None:
    image = drawn()
    headers = {"Content-Length": str(len(image)), "Expect": "100-continue"}
    with Wire(limited) as wire:
        wire.head("POST", "/detect", headers)
        interim = wire.socket.recv(1000)
        assert interim.startswith(b"HTTP/1.1 100 ")
        assert wire.send(image).response().status_code == 200


def test_a_body_of_unknown_length_is_refused_once_it_is_too_long(limited: Server) -> None:
    with Wire(limited) as wire:
        wire.head("POST", "/detect", {"Transfer-Encoding": "chunked"})
        for _ in range(LIMIT // 1000 + 1):
            wire.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        answer = wire.response()  # though the body has not ended
    problem(answer, 413, "ImageTooLarge")


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_the_limit_is_exact(limited: Server, size: int) -> None:
    padded = drawn() + b"\0" * (size - len(drawn()))
    whole, in_chunks = post(limited, padded), post(limited, chunks(padded))
    assert whole.status_code == in_chunks.status_code == (200 if size <= LIMIT else 413)


def test_a_client_that_sends_first_and_reads_then_is_told(limited: Server) -> None:
    problem(post(limited, b"x" * 15_000_000), 413, "ImageTooLarge")
    problem(post(limited, chunks(b"x" * 15_000_000, 100_000)), 413, "ImageTooLarge")


@pytest.mark.parametrize(("width", "height"), [(100, 100), (1, 10_000)])
def test_pixels_within_the_limit(limited: Server, width: int, height: int) -> None:
    assert post(limited, drawn(width, height)).status_code == 200


@pytest.mark.parametrize("form", ["raw", "multipart", "JSON"])
@pytest.mark.parametrize(("width", "height"), [(101, 100), (1, 10_001)])
def test_pixels_beyond_the_limit(limited: Server, width: int, height: int, form: str) -> None:
    image = drawn(width, height)
    body = {
        "raw": image,
        "multipart": multipart(("file", image)),
        "JSON": f'{{"image": "{base64_of(image)}"}}'.encode(),
    }[form]
    detail = problem(post(limited, body), 413, "ImageTooLarge")
    assert f"{width} x {height}" in detail
    assert "10000" in detail


def test_pixels_are_counted_before_they_are_decoded(limited: Server) -> None:
    """Of a PNG of 2 billion by 2 billion pixels the header alone is there."""
    side = 0x7FFFFFFF
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    bomb += struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 1 << 30) + b"IDAT"
    assert str(side) in problem(post(limited, bomb), 413, "ImageTooLarge")


def test_a_form_may_not_hide_a_large_file(limited: Server) -> None:
    body = multipart(("note", b"x" * LIMIT), ("file", drawn()))
    problem(post(limited, body), 413, "ImageTooLarge")
