"""What a client sends is neither a line of the log nor markup; and what pages may do."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.hostile.samples import FILE, IMAGE, MARKUP, part
from tests.server import Server

# The log.


@pytest.mark.parametrize(
    "text", ["\r\n{}", "\n", "\x1b[2J", "\u2028", "\u0085", '"}\n{"a":"b', "\0"]
)
def test_a_line_stays_a_line(server: Server, text: str) -> None:
    # Lines come in the order of the answers: with this one, those of the start are there too.
    server.logged(server.client.get("/healthz").headers["x-request-id"])
    before = len(server.lines())
    encoded = quote(text)
    requests = [
        server.client.build_request("GET", f"/x{encoded}"),
        server.client.build_request("POST", f"/detect?classes={encoded}", content=IMAGE),
        server.client.build_request("POST", f"/v1/vision/custom/{encoded}", content=IMAGE),
        server.client.build_request("POST", "/detect", content=part(f'{FILE}; filename="{text}"')),
    ]
    for request in requests:
        answer = server.client.send(request)
        server.logged(answer.headers["x-request-id"])
    added = server.lines()[before:]
    assert len(added) == len(requests)
    for line in added:
        assert json.loads(line)["message"] == "request"
        assert line.isascii()
        assert line.isprintable()


def test_long_paths_and_methods_are_cut_in_the_log(server: Server) -> None:
    answer = server.client.request("M" * 200, "/" + "x" * 30_000)
    line = server.logged(answer.headers["x-request-id"])
    assert (len(line["path"]), len(line["method"])) == (500, 20)


def test_ids_that_are_none_are_replaced(server: Server) -> None:
    for given in ("a b", "a" * 129, "<b>", "a;b", "", "a/b", "\xe9"):
        answer = server.client.get("/healthz", headers={b"X-Request-Id": given.encode("latin-1")})
        assert len(answer.headers["x-request-id"]) == 32


# Browsers.


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", f"/{MARKUP}"), ("GET", f"/page/{MARKUP}"), ("GET", f"/docs/{MARKUP}")),
        *(("POST", f"/detect?classes={MARKUP}"), ("POST", f"/detect?{MARKUP}=1")),
        *(
            ("POST", f"/v1/vision/custom/{MARKUP}"),
            ("GET", f"/?{MARKUP}"),
            ("GET", f"/docs?{MARKUP}"),
        ),
        *(("POST", "/"), ("GET", f"/openapi.json?{MARKUP}"), ("PUT", f"/{MARKUP}")),
    ],
)
def test_nothing_comes_back_as_markup(server: Server, method: str, path: str) -> None:
    headers = {
        "X-Amz-Target": MARKUP,
        "X-Request-Id": MARKUP,
        "Accept": "text/html",
        "Host": MARKUP,
    }
    content = IMAGE if method == "POST" else None
    answer = server.client.request(method, path, headers=headers, content=content)
    assert answer.headers["x-content-type-options"] == "nosniff"
    kind = answer.headers["content-type"]
    if kind.startswith("text/html"):
        assert answer.status_code == 200
        assert MARKUP not in answer.text
    else:
        assert "json" in kind
    assert not [value for value in answer.headers.values() if "<" in value]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", "/", 200), ("HEAD", "/", 200), ("GET", "/docs", 200), ("GET", "/healthz", 200)),
        *(("GET", "/model", 200), ("GET", "/metrics", 200), ("GET", "/openapi.json", 200)),
        *(("GET", "/page/style.css", 200), ("GET", "/docs-files/swagger-ui.css", 200)),
        *(
            ("GET", "/none", 404),
            ("GET", "/detect", 405),
            ("POST", "/detect", 415),
            ("POST", "/", 405),
        ),
        *(("POST", "/v1/vision/detection", 400), ("GET", "/v1/status/ping", 200)),
    ],
)
def test_no_answer_may_be_sniffed(server: Server, method: str, path: str, status: int) -> None:
    answer = server.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    directives = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in directives}


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_pages_have_a_strict_policy(server: Server, path: str) -> None:
    """That nothing on them breaks it is tested in a browser, with the pages."""
    answer = server.client.get(path)
    found = policy(answer)
    assert found.pop("img-src") == ["'self'", "blob:", "data:"]
    assert found == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "base-uri": ["'self'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    headers: dict[str, Any] = dict(answer.headers)
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=(self)" in headers["permissions-policy"]


def test_parts_of_files_are_not_given(server: Server) -> None:
    for ranges in ("bytes=0-0", "bytes=0-0," * 800, "lines=1", "bytes=9999999-"):
        answer = server.client.get("/page/style.css", headers={"Range": ranges})
        assert answer.status_code == 200
        assert len(answer.content) > 1000
