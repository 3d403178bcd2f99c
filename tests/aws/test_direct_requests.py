"""Requests without boto3: signed like its own, and given up for boto3 whatever goes wrong."""

import http.server
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from app.cloud import direct_requests
from app.cloud.boto_client import Connection
from app.cloud.direct_requests import DirectRequests
from app.cloud.s3 import Storage
from app.cloud.signature import Signer
from app.errors import ImageTooLarge, ObjectMissing, Overloaded
from tests.aws.moto import Cloud


@pytest.fixture(autouse=True)
def without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one, all is left to boto3."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


HEADERS = {"host": "x.test", "x-amz-target": "DynamoDB_20120810.Query"}


@pytest.mark.parametrize("token", [None, "session"])
@pytest.mark.parametrize("path", ["/", "/photos/a%20b/%C3%BC%2B~.jpg", "/photos//a/../b"])
@pytest.mark.parametrize("query", ["", "versionId=a%2Fb.c"])
def test_the_signature_is_that_of_botocore(token: str | None, path: str, query: str) -> None:
    credentials = Credentials("AKID", "secret", token)
    signer = Signer("s3", "eu-west-1")
    for body in (b"", b'{"TableName": "t"}'):
        ours = signer.signed(credentials, "POST", path, query, HEADERS, body)
        url = f"https://x.test{path}{'?' if query else ''}{query}"
        request = AWSRequest("POST", url, dict(HEADERS), body)
        request.context["timestamp"] = ours["x-amz-date"]
        request.headers["X-Amz-Date"] = ours["x-amz-date"]
        request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
        if token:
            request.headers["X-Amz-Security-Token"] = token
        theirs = S3SigV4Auth(credentials, "s3", "eu-west-1")
        canonical = theirs.canonical_request(request)
        wanted = theirs.signature(theirs.string_to_sign(request, canonical), request)
        assert ours["authorization"].endswith(f"Signature={wanted}")


def test_another_secret_has_another_key() -> None:
    """Credentials of a role change while the process runs."""
    signer = Signer("dynamodb", "us-east-1")
    made = [
        signer.signed(Credentials("A", secret), "POST", "/", "", HEADERS, b"")["authorization"]
        for secret in ("one", "two")
    ]
    assert made[0] != made[1]


class Scripted(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Callable[[Any], None]

    def do_GET(self) -> None:
        self.server.asked += 1  # type: ignore[attr-defined]
        type(self).answer(self)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def service(answer: Callable[[Any], None]) -> Iterator[tuple[DirectRequests, Any]]:
    handler = type("Handler", (Scripted,), {"answer": answer})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.asked = 0  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = Connection("s3")
        meta = SimpleNamespace(
            endpoint_url=f"http://127.0.0.1:{server.server_port}/",
            region_name="us-east-1",
            config=SimpleNamespace(signature_version="s3v4"),
        )
        connection._client = SimpleNamespace(meta=meta)
        connection.credentials = Credentials("A", "b")
        try:
            yield DirectRequests(connection), server
        finally:
            server.shutdown()


def whole(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "4")
    handler.end_headers()
    handler.wfile.write(b"data")


def short(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "400")
    handler.end_headers()
    handler.wfile.write(b"data")
    handler.close_connection = True


def refused(handler: Any) -> None:
    handler.send_error(403)


def silent(handler: Any) -> None:
    handler.close_connection = True


def no_http(handler: Any) -> None:
    handler.wfile.write(b"\x00\x01 nonsense\r\n\r\n")
    handler.close_connection = True


def test_what_succeeds_is_answered_over_one_connection() -> None:
    with service(whole) as (direct, server):
        for _ in range(3):
            answer = direct.send("GET", "/", {})
            assert answer is not None
            assert answer.body == b"data"
        assert server.asked == 3


@pytest.mark.parametrize("answer", [short, refused, silent, no_http])
def test_whatever_goes_wrong_is_left_to_boto3_and_not_tried_for_ever(
    answer: Callable[[Any], None],
) -> None:
    with service(answer) as (direct, server):
        for _ in range(20):
            assert direct.send("GET", "/", {}) is None
        assert server.asked == direct_requests._MOST_FAILURES


def test_a_longer_answer_than_expected_is_not_read() -> None:
    with service(whole) as (direct, _):
        assert direct.send("GET", "/", {}, most_bytes=3) is None
        assert direct.send("GET", "/", {}, most_bytes=4) is not None


def endless(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(bytes(1 << 20))
    handler.close_connection = True


def chunked(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    with suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
    handler.close_connection = True


@pytest.mark.parametrize("answer", [endless, chunked])
def test_an_answer_of_unknown_length_is_left_to_boto3(answer: Callable[[Any], None]) -> None:
    """Which reads no more of it than is allowed."""
    with service(answer) as (direct, _):
        tracemalloc.start()
        try:
            assert direct.send("GET", "/", {}, most_bytes=5000) is None
            assert tracemalloc.get_traced_memory()[1] < 50_000_000
        finally:
            tracemalloc.stop()


def test_a_proxy_is_left_to_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    with service(whole) as (direct, server):
        assert direct.send("GET", "/", {}) is None
        assert server.asked == 0


@pytest.mark.parametrize("key", ["photo.jpg", "a b/ü+%2F?.jpg", "x" * 1024, "a//b", "~'()!*"])
def test_objects_are_the_same_with_and_without_boto3(aws_environment: Cloud, key: str) -> None:
    aws_environment.bucket("direct", versioned=True)
    put = aws_environment.client("s3").put_object
    first = put(Bucket="direct", Key=key, Body=b"first")["VersionId"]
    put(Bucket="direct", Key=key, Body=b"second")
    direct, boto = Storage(1000, direct=True), Storage(1000)
    for version in (None, first):
        found = direct.look_up("direct", key, version)
        assert found == boto.look_up("direct", key, version)
        assert direct.read(found) == boto.read(found)
    assert direct._direct is not None
    assert direct._direct._failures == 0


def test_refusals_are_those_of_boto3(aws_environment: Cloud) -> None:
    aws_environment.bucket("direct-refusals")
    client = aws_environment.client("s3")
    client.put_object(Bucket="direct-refusals", Key="k", Body=b"p" * 2000)
    storage = Storage(1000, direct=True)
    with pytest.raises(ObjectMissing):
        storage.look_up("direct-refusals", "none")
    large = storage.look_up("direct-refusals", "k")
    with pytest.raises(ImageTooLarge, match="2000 bytes"):
        storage.read(large)
    with pytest.raises(ImageTooLarge, match="more bytes than S3 declared"):
        storage.read(large._replace(size=10))
    client.put_object(Bucket="direct-refusals", Key="k", Body=b"other")
    with pytest.raises(Overloaded, match="being replaced"):
        storage.read(large._replace(size=10))


def test_an_object_is_looked_up_and_read_at_once(aws_environment: Cloud) -> None:
    aws_environment.bucket("at-once", versioned=True)
    put = aws_environment.client("s3").put_object
    put(Bucket="at-once", Key="small", Body=b"p" * 1000)
    put(Bucket="at-once", Key="large", Body=b"p" * 1001)
    storage = Storage(1000, direct=True)
    found = storage.look_up("at-once", "small")
    assert storage.look_up_and_read("at-once", "small") == (found, b"p" * 1000)
    for _ in range(2 * direct_requests._MOST_FAILURES):  # which are no fault of the way
        assert storage.look_up_and_read("at-once", "large") is None
    assert storage.look_up_and_read("at-once", "none") is None
    assert storage.look_up_and_read("at-once", "small") is not None
    assert Storage(1000).look_up_and_read("at-once", "small") is None
