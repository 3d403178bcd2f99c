"""``Storage`` against S3 as moto plays it, and against what S3 says when it is not well."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from app.cloud import s3 as module
from app.cloud.s3 import Storage, StoredObject
from app.errors import (
    ImageTooLarge,
    InvalidObject,
    ObjectMissing,
    Overloaded,
    StartError,
    StorageBusy,
)
from benchmarks.harness.process import held_port
from tests.aws.moto import Cloud
from tests.server import REPOSITORY

LIMIT = 1000


@pytest.fixture
def bucket(aws_environment: Cloud, request: pytest.FixtureRequest) -> str:
    return aws_environment.bucket(request.node.name.replace("_", "-")[-60:].strip("-"))


def put(cloud: Cloud, bucket: str, key: str, data: bytes) -> str | None:
    version: str | None = (
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=data).get("VersionId")
    )
    return version


def fetch(storage: Storage, bucket: str, key: str, version: str | None = None) -> bytes:
    return storage.read(storage.look_up(bucket, key, version))


@pytest.mark.parametrize("key", ["photo.jpg", "a b/ü+%2F?.jpg", "x" * 1024])
def test_an_object_is_read_whole(cloud: Cloud, aws_environment: Cloud, key: str) -> None:
    cloud.bucket("whole")
    put(cloud, "whole", key, b"p" * LIMIT)
    assert fetch(Storage(LIMIT, ("other", "whole")), "whole", key) == b"p" * LIMIT


def test_a_version_is_read_where_it_is_named(aws_environment: Cloud) -> None:
    aws_environment.bucket("versions", versioned=True)
    first = put(aws_environment, "versions", "photo.jpg", b"first")
    put(aws_environment, "versions", "photo.jpg", b"second")
    storage = Storage(LIMIT, ("versions",))
    assert fetch(storage, "versions", "photo.jpg", first) == b"first"
    assert fetch(storage, "versions", "photo.jpg") == b"second"
    assert storage.look_up("versions", "photo.jpg", first).version == first


def test_a_bucket_that_is_not_allowed_is_never_asked_for(bucket: str) -> None:
    with pytest.raises(InvalidObject, match=f"'{bucket}'.*SPOTTER_S3_BUCKETS") as caught:
        fetch(Storage(LIMIT, ("another",)), bucket, "photo.jpg")
    assert caught.value.code == "InvalidParameter"
    with pytest.raises(InvalidObject):
        fetch(Storage(LIMIT, ()), bucket, "photo.jpg")


def test_an_object_over_the_limit_is_not_read(
    aws_environment: Cloud, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(aws_environment, bucket, "large.jpg", b"p" * (LIMIT + 1))
    storage = Storage(LIMIT, (bucket,))
    storage.look_up(bucket, "large.jpg")
    assert storage.connection is not None
    monkeypatch.setattr(storage.connection.client, "get_object", None)
    with pytest.raises(ImageTooLarge, match="has 1001 bytes and at most 1000"):
        fetch(storage, bucket, "large.jpg")


def test_no_object_no_bucket_and_no_name_are_told_apart_from_trouble(
    aws_environment: Cloud, bucket: str
) -> None:
    storage = Storage(LIMIT)
    for missing in (bucket, "no-such-bucket-at-all"):
        with pytest.raises(ObjectMissing, match=f"no object s3://{missing}/none.jpg"):
            fetch(storage, missing, "none.jpg")
    for names in ((bucket, ""), ("not a bucket!", "photo.jpg")):
        with pytest.raises(InvalidObject, match="not the name of an object"):
            fetch(storage, *names)


def test_what_was_replaced_after_the_look_is_not_read(aws_environment: Cloud, bucket: str) -> None:
    storage = Storage(LIMIT)
    put(aws_environment, bucket, "photo.jpg", b"small")
    seen = storage.look_up(bucket, "photo.jpg")
    put(aws_environment, bucket, "photo.jpg", b"p" * 10 * LIMIT)
    with pytest.raises(Overloaded, match="is being replaced"):
        storage.read(seen)


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (403, "AccessDenied", InvalidObject),
        (403, "InvalidObjectState", InvalidObject),
        (404, "NoSuchKey", ObjectMissing),
        (405, "MethodNotAllowed", ObjectMissing),
        (412, "PreconditionFailed", StorageBusy),
        (429, "SlowDown", StorageBusy),
        (503, "SlowDown", StorageBusy),
    ],
)
def test_answers_of_s3_become_errors_of_ours(
    status: int, reason: str, error: type[Exception]
) -> None:
    refusal = module._refusal(StoredObject("b", "k", None, "", 0), status, reason)
    assert type(refusal) is error


@pytest.fixture
def sick_s3(monkeypatch: pytest.MonkeyPatch, cloud: Cloud) -> Iterator[list[str]]:
    """Answers 503 to everything; the list holds what was asked for."""
    asked: list[str] = []

    class Sick(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response(503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sick) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield asked
        server.shutdown()
        thread.join()


def test_a_sick_s3_is_asked_three_times_and_then_it_is_not_the_clients_fault(
    sick_s3: list[str],
) -> None:
    with pytest.raises(Overloaded, match="busy") as caught:
        fetch(Storage(LIMIT), "bucket", "photo.jpg")
    assert sick_s3 == ["/bucket/photo.jpg"] * 3
    assert int(caught.value.headers["Retry-After"]) >= 1


def test_an_s3_that_cannot_be_reached_is_not_the_clients_fault(
    aws_environment: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_port() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(Overloaded, match="cannot be reached"):
            fetch(Storage(LIMIT), "bucket", "photo.jpg")


class Liar(http.server.BaseHTTPRequestHandler):
    """HEAD says a hundred bytes; GET sends ``body`` again and again, for as long as it is read."""

    protocol_version = "HTTP/1.1"
    declared: int | None = None
    """Content-Length of GET; in chunks without a length if None."""
    sent = 0
    most = 200 * LIMIT * 1000

    def do_HEAD(self) -> None:
        self._start({"Content-Length": "100"})

    def do_GET(self) -> None:
        declared, piece = type(self).declared, b"p" * 100_000
        if declared is None:
            self._start({"Transfer-Encoding": "chunked"})
        else:
            self._start({"Content-Length": str(declared)})
        try:
            while type(self).sent < (self.most if declared is None else min(declared, self.most)):
                head = b"%x\r\n" % len(piece) if declared is None else b""
                self.wfile.write(head + piece + (b"\r\n" if head else b""))
                type(self).sent += len(piece)
        except OSError:
            self.close_connection = True

    def _start(self, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {"ETag": '"same"', **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("declared", [None, 150_000_000])
def test_no_more_is_read_than_is_allowed_whatever_length_was_said(
    aws_environment: Cloud, monkeypatch: pytest.MonkeyPatch, declared: int | None
) -> None:
    monkeypatch.setattr(Liar, "declared", declared)
    monkeypatch.setattr(Liar, "sent", 0)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        try:
            with pytest.raises(ImageTooLarge, match="more bytes than S3 declared and at most 1000"):
                fetch(Storage(LIMIT), "bucket", "photo.jpg")
        finally:
            server.shutdown()
            thread.join()
    assert Liar.sent < 30_000_000  # what the sockets between hold


def test_a_body_that_ends_before_its_length_is_not_the_clients_fault(
    aws_environment: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(Liar):
        declared = 900
        most = 0

        def do_GET(self) -> None:
            self._start({"Content-Length": "900"})
            self.wfile.write(b"p" * 500)
            self.close_connection = True

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cut) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        try:
            with pytest.raises(Overloaded, match="cannot be reached"):
                fetch(Storage(LIMIT), "bucket", "photo.jpg")
        finally:
            server.shutdown()
            thread.join()


def test_as_many_bytes_as_are_allowed_are_read(aws_environment: Cloud, bucket: str) -> None:
    for size in (0, 1, LIMIT - 1, LIMIT):
        put(aws_environment, bucket, f"{size}", b"p" * size)
        assert len(fetch(Storage(LIMIT), bucket, f"{size}")) == size


def test_buckets_without_boto3_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cloud.boto_client.find_spec", lambda _: None)
    with pytest.raises(StartError, match="the extra 'aws'"):
        Storage(LIMIT, ("bucket",))
    Storage(LIMIT, ())


def test_plain_serving_imports_no_boto3() -> None:
    program = "import app.main, sys; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False)
    assert done.returncode == 0
