"""A refusal names the cause that the bytes show."""

import base64
import io
import json
import random
import zlib
from collections.abc import Callable
from gzip import compress as gzip
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

from app.vision.images.visible_cause import find_cause
from tests.http.client import base64_of, detections, drawn, multipart, post, problem
from tests.server import Server, serve


def photo(encoding: str = "JPEG") -> bytes:
    """Noise, so that its bytes are of every value."""
    image = Image.frombytes("RGB", (64, 64), random.Random(1).randbytes(64 * 64 * 3))
    out = io.BytesIO()
    image.save(out, encoding)
    return out.getvalue()


def lines(data: bytes) -> bytes:
    return base64.encodebytes(data)


PNG, JPEG = drawn(), photo()
DATA_URL = f"data:image/png;base64,{base64_of(PNG)}".encode()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BODIES: dict[str, tuple[bytes, str]] = {
    # What is sent, and what the answer's detail has to speak of.
    "base64": (base64_of(PNG).encode(), "base64 text"),
    "base64 of a JPEG": (base64_of(JPEG).encode(), "base64 text"),
    "base64 of a WebP": (base64_of(photo("WEBP")).encode(), "base64 text"),
    "base64 of a GIF": (base64_of(drawn(encoding="GIF")).encode(), "base64 text"),
    "base64 of a BMP": (base64_of(drawn(encoding="BMP")).encode(), "base64 text"),
    "base64 in lines": (lines(JPEG), "base64 text"),
    "base64 in quotes": (json.dumps(base64_of(JPEG)).encode(), "base64 text"),
    "base64 for URLs": (base64.urlsafe_b64encode(JPEG), "base64 text"),
    "base64 twice": (base64.b64encode(base64.b64encode(PNG)), "base64 text"),
    "base64 behind a byte order mark": (b"\xef\xbb\xbf" + base64.b64encode(PNG), "base64 text"),
    "a data URL": (DATA_URL, "data: URL"),
    "a data URL in quotes": (b'"' + DATA_URL + b'"', "data: URL"),
    "a URL-encoded form": (b"image=" + quote(base64_of(JPEG)).encode(), "URL-encoded"),
    "a URL-encoded data URL": (b"file=" + quote(DATA_URL).encode(), "URL-encoded"),
    "Python's text": (repr(JPEG).encode(), "Python"),
    "Python's text of base64": (repr(base64.b64encode(JPEG)).encode(), "Python"),
    "JavaScript's text": (b"[object File]", "JavaScript"),
    "a file's name": (b"@photo.jpg", "name of a file"),
    "a path": (b"/home/me/My photos/a b.HEIC", "name of a file"),
    "an address": (b"https://example.com/photo.jpg", "address"),
    "HTML": (b"<!DOCTYPE html>\n<html><body>Log in</body></html>", "HTML page"),
    "XHTML": (b'<?xml version="1.0"?>\n<!-- x --><html>', "HTML page"),
    "a head without a type": (b"\n\n<HEAD><title>502", "HTML page"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "SVG as XML": (b'<?xml version="1.0"?><svg/>', "SVG"),
    "an error of S3": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "XML"),
    "a PDF": (b"%PDF-1.7\n", "PDF"),
    "an archive": (b"PK\x03\x04rest", "ZIP"),
    "gzip": (gzip(PNG), "Content-Encoding: gzip"),
    "nothing": (b"", "empty (0 bytes)"),
    "a Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "git lfs pull",
    ),
}


@pytest.mark.parametrize("kind", BODIES)
def test_as_the_body_and_as_a_field(scripted: Server, kind: str) -> None:
    body, told = BODIES[kind]
    for answer in (post(scripted, body), post(scripted, multipart(("file", body)))):
        detail = problem(answer, 415, "InvalidImageFormat")
        assert told in detail
        assert "Send one of" in detail
        assert len(detail) < 400


def test_json_in_a_field(scripted: Server) -> None:
    """As a body it is read."""
    body = json.dumps({"image": base64_of(PNG)}).encode()
    assert "JSON" in problem(post(scripted, multipart(("file", body))), 415, "InvalidImageFormat")


def as_text(data: bytes) -> bytes:
    """As a program passes bytes on that it has read as text."""
    return data.decode("utf-8", "replace").encode()


@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "GIF", "TIFF", "WEBP"])
def test_bytes_that_were_read_as_text(scripted: Server, encoding: str) -> None:
    answer = post(scripted, as_text(photo(encoding)))
    assert answer.status_code in (413, 415, 422)  # a changed header may declare another size
    assert "binaryMediaTypes" in answer.json()["detail"]


@pytest.mark.parametrize("charset", ["latin-1", "cp1252"])
def test_bytes_that_were_written_as_utf8(scripted: Server, charset: str) -> None:
    for image in (PNG, JPEG):
        mangled = image.decode(charset, "replace").replace("\ufffd", "?").encode()
        assert "as UTF-8" in post(scripted, mangled).json()["detail"]


@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "GIF"])
def test_what_curl_s_d_makes_of_a_file(scripted: Server, encoding: str) -> None:
    mangled = bytes(byte for byte in photo(encoding) if byte not in b"\0\r\n")
    answer = post(scripted, mangled, headers=FORM)
    assert answer.status_code in (413, 415, 422), answer.text
    assert "--data-binary" in answer.json()["detail"]


def test_a_sound_image_has_no_cause() -> None:
    for encoding in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"):
        image = photo(encoding)
        assert find_cause(image) == ""
        assert find_cause(image[: len(image) // 2]) == ""


@pytest.mark.parametrize(
    "text", [b"hello", b"file=hello", b"null bytes", b"x" * 5000, b"{", b"QQ=="]
)
def test_other_text_has_no_cause(text: bytes) -> None:
    assert find_cause(text) == ""


def test_base64_twice_in_json(scripted: Server) -> None:
    twice = base64_of(base64_of(PNG).encode())
    answer = scripted.client.post("/detect", json={"image": twice})
    assert "base64 twice" in problem(answer, 415, "InvalidImageFormat")


def deflate_without_header(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip),
    "x-gzip": ("X-GZIP", gzip),
    "deflate": ("deflate", zlib.compress),
    "deflate without zlib's header": ("deflate", deflate_without_header),
    "nothing": ("identity", bytes),
    "gzip in name only": ("gzip", bytes),
    "deflate in name only": ("deflate", bytes),
    "Brotli in name only": ("br", bytes),
}


@pytest.mark.parametrize("kind", CODINGS)
def test_compressed_bodies(scripted: Server, kind: str) -> None:
    encoding, compress = CODINGS[kind]
    expected = detections(post(scripted, PNG))
    given = {"Content-Encoding": encoding}
    assert detections(post(scripted, compress(PNG), headers=given)) == expected
    if encoding == "br":
        return
    form = compress(multipart(("image", PNG)))
    assert detections(post(scripted, form, headers=given)) == expected
    document = compress(json.dumps({"image": base64_of(PNG)}).encode())
    assert detections(post(scripted, document, headers=given)) == expected
    vision = scripted.client.post("/v1/vision/detection", content=form, headers=given)
    assert vision.json()["count"] == 2


@pytest.mark.parametrize(
    ("encoding", "body", "told"),
    [
        ("gzip", gzip(PNG)[:-9], "truncated"),
        ("gzip", gzip(PNG)[:12] + b"x" * 20, "cannot be decompressed"),
        ("gzip", gzip(PNG) + gzip(PNG), "extra bytes after"),
        ("deflate", b"x\x9c" + b"\xff" * 20, "cannot be decompressed"),
    ],
    ids=["cut", "garbage", "two members", "garbage as deflate"],  # gzip's bytes hold the time
)
def test_broken_compression(scripted: Server, encoding: str, body: bytes, told: str) -> None:
    answer = post(scripted, body, headers={"Content-Encoding": encoding})
    assert told in problem(answer, 422, "InvalidParameter")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 5000])
def test_other_encodings(scripted: Server, encoding: str) -> None:
    answer = post(scripted, gzip(PNG), headers={"Content-Encoding": encoding})
    detail = problem(answer, 415, "InvalidImageFormat")
    assert detail.startswith(f"Content-Encoding: {encoding[:40]}")
    assert len(detail) < 200


def test_a_bomb_is_cut_at_the_limit(scripted_model: Path) -> None:
    bomb = gzip(b"\0" * 200_000_000, 9)
    assert len(bomb) < 250_000
    with serve(scripted_model, max_body_bytes="1000000") as server:
        before = server.memory("VmHWM")

        def send() -> httpx.Response:
            return post(server, bomb, headers={"Content-Encoding": "gzip"})

        for _ in range(5):
            assert "decompressed" in problem(send(), 413, "ImageTooLarge")
        assert server.memory("VmHWM") - before < 30_000_000
        assert detections(post(server, PNG))
