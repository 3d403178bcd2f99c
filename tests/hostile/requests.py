"""Requests made to confuse: from a seed and a number the same bytes every time."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from tests.hostile.mutate import mutant
from tests.http.client import BOUNDARY, base64_of, drawn, multipart

_IMAGE = drawn(40, 30)
_DIGITS = "\u0660\u0661", "\uff11", "\u2167", "\u096b"  # of other scripts
_NUMBERS = (
    *("NaN", "nan", "inf", "-inf", "1e309", "-1", "-0", "0x10", "1_000", "1e-400", "+.5", "0.5e0"),
    *("", " ", "null", "true", "[]", "{}", "9" * 400, "1" * 5000, "0,5", *_DIGITS, "\0", "%", "😀"),
)
_TEXTS = (
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)"),
    *("../../../../etc/passwd", "..%2f..%2f", "%2e%2e/", "%c0%ae%c0%ae/", "....//", "%00", "\x00"),
    *("%0d%0aSet-Cookie: a=b", "\r\nX: y", "%0a", "\n", "\u2028", "\x1b[31m", "${jndi:ldap://x}"),
    *("__proto__", "constructor", "' OR 1=1--", "{{7*7}}", "\ud83d", "\ufeff", "A" * 9000, "%ff"),
)
_TARGETS = (
    *("/", "//", "///docs", "/.", "/..", "/*", "*", "/%2e", "/%2e%2e/", "/?", "/#", "/\\", "/;"),
    *("/page/../app.py", "/page/..%2f..%2fmain.py", "/page/%2e%2e/%2e%2e/settings.py", "/page/"),
    *("/page//etc/passwd", "/page/js/%00", "/page/js/main.js%00.png", "/page/style.css/"),
    *("/docs-files/..%2f..%2f__init__.py", "/docs-files/%2e%2e%5c", "/docs-files/", "/docs/"),
    *("http://elsewhere.example/detect", "//elsewhere.example/detect", "/detect/../model"),
    *("/v1/vision/custom/" + "x" * 5000, "/v1/vision/custom/%2e%2e", "/v1/vision/custom/__proto__"),
    *("/v1/vision/custom/%0d%0aX:%20y", "/%f0%9f%98%80", "/%ff%fe", "/" + "a/" * 8000, "/a%"),
)
_KNOWN = (
    *("/", "/detect", "/healthz", "/model", "/docs", "/openapi.json", "/metrics"),
    *("/page/style.css", "/page/js/main.js", "/docs-files/swagger-ui.css", "/v1/status/ping"),
    *("/v1/vision/detection", "/v1/vision/custom/scripted", "/v1/vision/custom/list"),
)
_METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW")
_PARAMETERS = (
    "confidence",
    "iou",
    "max_detections",
    "classes",
    "alt_text",
    "__proto__",
    "a[b]",
    "",
)
_HEADERS = (
    *("Accept", "Content-Type", "X-Request-Id", "X-API-Key", "Authorization", "Origin", "Cookie"),
    *("X-Amz-Target", "X-Amz-Date", "Range", "If-None-Match", "If-Modified-Since", "If-Range"),
    *("Expect", "Upgrade", "Connection", "TE", "Trailer", "Forwarded", "X-Forwarded-For", "Host"),
    *("Accept-Encoding", "Content-Encoding", "Content-Disposition", "X-HTTP-Method-Override"),
    *("Access-Control-Request-Method", "Access-Control-Request-Headers", "traceparent"),
)
_VALUES = (
    *("application/json", "multipart/form-data", "multipart/form-data; boundary=", "image/jpeg"),
    *("multipart/form-data; boundary=" + "b" * 300, "multipart/mixed; boundary=x", "text/html"),
    *("*/*;q=" + "9" * 400, "image/png;q=nan, */*;q=inf", ",".join(["image/png;q=0.1"] * 500)),
    *("bytes=0-", "bytes=-1", "bytes=5-1", "bytes=0-0," * 800, "bytes=0-0,5-5", "bytes=9999999-"),
    *("RekognitionService.DetectLabels", "RekognitionService.Other", "100-continue", "h2c"),
    *("websocket", "close", "keep-alive, close", "Bearer", "Bearer \xff", "Basic Og==", "null"),
    *("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0", "gzip", 'W/"x"'),
    *(
        "00-" + "0" * 32 + "-" + "0" * 16 + "-01",
        "https://elsewhere.example",
        "trailers",
        "-1",
        "0",
    ),
)
_LENGTHS = ("-1", "+5", "5, 5", "0x5", "1e3", "", "9" * 30, "\u0665", "5 5", "00", "1048577")
_BRACKETS = ("[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000)


@dataclass
class Made:
    method: str = "POST"
    target: str = "/detect"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    raw: bytes = b""
    """Instead of all the rest, once it has been bent."""

    def wire(self) -> bytes:
        if self.raw:
            return self.raw
        names = {name.lower() for name, _ in self.headers}
        head = [f"{self.method} {self.target} HTTP/1.1"]
        head += [] if "host" in names else ["Host: localhost"]
        head += [f"{name}: {value}" for name, value in self.headers]
        if self.body and not names & {"content-length", "transfer-encoding"}:
            head.append(f"Content-Length: {len(self.body)}")
        text = "\r\n".join([*head, "", ""])
        return text.encode("utf-8", "surrogatepass") + self.body


Bend = Callable[[random.Random, Made], None]


def made(seed: int, number: int) -> Made:
    rng = random.Random(f"requests/{seed}/{number}")
    request = _whole(rng)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        rng.choices(_BENDS, _WEIGHTS)[0](rng, request)
    if rng.random() < 0.15:
        _bend_bytes(rng, request)
    return request


def _whole(rng: random.Random) -> Made:
    """What any of the routes takes, with an image that is whole or bent."""
    image = _IMAGE if rng.random() < 0.4 else mutant(99, rng.randrange(10_000)).data[:200_000]
    text = base64_of(image)
    kind = rng.randrange(7)
    if kind == 0:
        return Made(body=image)
    if kind == 1:
        return Made(body=multipart((rng.choice(("file", "image")), image)))
    if kind == 2:
        return Made(body=json.dumps({"image": text}).encode())
    if kind == 3:
        target = [("X-Amz-Target", "RekognitionService.DetectLabels")]
        body = {"Image": {"Bytes": text}, "MinConfidence": rng.choice((0, 50, 1e9))}
        return Made("POST", "/", target, json.dumps(body).encode())
    if kind == 4:
        confidence = rng.choice((b"0.4", *(value.encode() for value in _NUMBERS)))
        form = multipart(("image", image), ("min_confidence", confidence))
        return Made("POST", "/v1/vision/detection", [], form)
    if kind == 5:
        return Made(rng.choice(_METHODS), rng.choice(_KNOWN), [], b"")
    return Made("GET", rng.choice(_KNOWN), [], b"")


def _target(rng: random.Random, request: Made) -> None:
    request.target = rng.choice((*_TARGETS, rng.choice(_KNOWN) + _quoted(rng.choice(_TEXTS))))


@cache
def _quoted(text: str) -> str:
    """As far as a request line needs it."""
    raw = text.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if 0x20 < byte < 0x7F else f"%{byte:02x}" for byte in raw)


def _parameters(rng: random.Random, request: Made) -> None:
    pairs = []
    for _ in range(rng.choice((1, 2, 3, 30, 3000))):
        value = rng.choice((*_NUMBERS, *_TEXTS, "0.5", "cat"))
        pairs.append(f"{rng.choice(_PARAMETERS)}={_quoted(value)}")
    request.target += ("&" if "?" in request.target else "?") + "&".join(pairs)[:28_000]


def _method(rng: random.Random, request: Made) -> None:
    request.method = rng.choice((*_METHODS, "G" * 300, "get", "PO ST", "\x00"))


def _header(rng: random.Random, request: Made) -> None:
    value = rng.choice((*_VALUES, *_TEXTS, *_NUMBERS))
    clean = "".join(c for c in value if c not in "\r\n\0") if rng.random() < 0.9 else value
    request.headers.append((rng.choice(_HEADERS), clean))


def _header_flood(rng: random.Random, request: Made) -> None:
    name = rng.choice((*_HEADERS, "X-Flood"))
    request.headers += [(name, "v" * rng.choice((1, 100)))] * rng.choice((50, 250, 4000))


def _length(rng: random.Random, request: Made) -> None:
    near = len(request.body) + rng.choice((-1, 1, 0))
    for _ in range(rng.choice((1, 1, 2))):
        value = rng.choice((*_LENGTHS, str(max(0, near))))
        request.headers.append((rng.choice(("Content-Length", "content-length ")), value))


def _chunked(rng: random.Random, request: Made) -> None:
    encoding = rng.choice(("chunked", "Chunked", "gzip, chunked", "chunked, chunked", "identity"))
    request.headers.append(("Transfer-Encoding", encoding))
    size = rng.choice((1, 7, 1000, 65536))
    pieces = [request.body[at : at + size] for at in range(0, min(len(request.body), 3000), size)]
    extension = rng.choice(("", "", ";a=b", ";" + "x" * 500))
    chunks = b"".join(
        f"{len(piece):x}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces
    )
    ends = (
        b"0\r\n\r\n",
        b"0\r\nTrailer: a\r\n\r\n",
        b"zz\r\n",
        b"-1\r\n",
        b"f" * 40 + b"\r\n",
        b"",
    )
    request.body = chunks + rng.choice(ends)


def _body(rng: random.Random, request: Made) -> None:
    disposition = f"Content-Disposition: form-data; name={rng.choice(('file', 'image'))}"
    name = rng.choice(_TEXTS).replace("\r\n", "").encode("utf-8", "surrogatepass")
    start = f"--{BOUNDARY}\r\n{disposition}".encode()
    request.body = rng.choice(
        (
            lambda: rng.choice(_BRACKETS).encode(),
            lambda: b'{"image":' + rng.choice(_BRACKETS).encode(),
            lambda: json.dumps(
                {rng.choice(("image", "s3", "__proto__")): rng.choice(_TEXTS)}
            ).encode(),
            lambda: b'{"image": "' + rng.choice((b"A" * 9999, b"=", b"\\u0041", b"\xff")) + b'"}',
            lambda: b'{"image": ' + b"1" * 9999 + b"}",
            lambda: b'{"s3": {"bucket": "b", "key": "' + b"k" * rng.choice((1, 2000)) + b'"}}',
            lambda: b"{" + b",".join(b'"k%d": 1' % n for n in range(9000)) + b"}",
            lambda: (
                start
                + b'; filename="'
                + name
                + b'"\r\n\r\n'
                + _IMAGE
                + b"\r\n--%b--\r\n" % BOUNDARY.encode()
            ),
            lambda: start + b"\r\n\r\n" + _IMAGE,
            lambda: (
                start + b"\r\nX: " + b"h" * 90_000 + b"\r\n\r\nx\r\n--%b--\r\n" % BOUNDARY.encode()
            ),
            lambda: start + b"\r\nX: y" * 3000 + b"\r\n\r\nx\r\n--%b--\r\n" % BOUNDARY.encode(),
            lambda: multipart(*[("file", b"x")] * rng.choice((2, 33, 3000))),
            lambda: multipart(("file", multipart(("file", _IMAGE)))),
            lambda: multipart(("file", _IMAGE), end=False),
            lambda: b"--" + b"-" * 300 + b"\r\n" + request.body,
            lambda: b"\r\n" * 30_000 + request.body,
            lambda: bytes(rng.choice((0, 1, 100, 100_000))),
        )
    )()


def _bend_bytes(rng: random.Random, request: Made) -> None:
    out = bytearray(request.wire()[:300_000])
    head = max(1, out.find(b"\r\n\r\n"))
    for _ in range(rng.choice((1, 1, 3, 20))):
        at = rng.randrange(min(len(out), rng.choice((40, head, head + 300))) or 1)
        how = rng.randrange(4)
        if how == 0 and out:
            out[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            out[at:at] = rng.choice((b"\r\n", b"\n", b"\0", b" ", b"\t", b"\xff", b":", b"\r"))
        elif how == 2:
            del out[at : at + rng.choice((1, 2, 50))]
        else:
            out[at : at + 1] = rng.randbytes(2)
    request.raw = bytes(out) or b"\r\n"


_BENDS: tuple[Bend, ...] = (
    *(_target, _parameters, _method, _header, _header_flood, _length, _chunked, _body),
)
_WEIGHTS = (12, 15, 5, 25, 3, 8, 8, 20)
