"""Spans of a real server, as a collector on a real socket gets them."""

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.observability import tracing
from benchmarks.harness.process import held_port
from tests.http.client import drawn, post
from tests.http.scripted import write_model
from tests.server import REPOSITORY, environment, serve

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

PATIENT = (
    "from app.observability import spans; spans._CLOSE_SECONDS = 20;"
    " from app.__main__ import main; main()"
)
"""A server that gives a busy machine more time to send the last spans."""


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            bodies.append(gzip.decompress(body) if zipped else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()


def attributes(span: Span) -> dict[str, object]:
    return {a.key: a.value.int_value or a.value.string_value for a in span.attributes}


def test_a_request_is_a_span_with_its_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_model(tmp_path / "scripted.onnx")
    with collector() as (url, bodies):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "yard")
        with serve(model, lambda _: ["-c", PATIENT], api_keys="s3cret") as server:
            headers = {"X-API-Key": "s3cret", "traceparent": PARENT, "X-Request-Id": "one"}
            assert post(server, drawn(40, 30), headers=headers).status_code == 200
            assert server.logged("one")["trace"] == PARENT.split("-")[1]
            assert post(server, b"none", headers={"X-API-Key": "wrong"}).status_code == 401
            query = {"note": "of-nobody's-concern"}
            assert server.client.request("BREW", "/tea", params=query).status_code == 404
            assert server.terminate() == 0  # the last spans are sent before the end
    sent = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    for secret in (b"s3cret", b"wrong", b"concern", b"IHDR"):
        assert not any(secret in body for body in bodies)
    resources = [r.resource for request in sent for r in request.resource_spans]
    assert {a.value.string_value for r in resources for a in r.attributes} >= {"yard"}
    spans = [
        span
        for request in sent
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (root,) = (s for s in spans if attributes(s).get("spotter.request_id") == "one")
    assert root.trace_id.hex() == PARENT.split("-")[1]
    assert root.parent_span_id.hex() == PARENT.split("-")[2]
    assert root.name == "POST /detect"
    assert root.kind == Span.SPAN_KIND_SERVER
    told = attributes(root)
    assert told["http.response.status_code"] == 200
    assert (told["spotter.image.width"], told["spotter.image.height"]) == (40, 30)
    children = {s.name: s for s in spans if s.parent_span_id == root.span_id}
    assert children.keys() == {
        "read",
        "wait",
        "decode",
        "preprocess",
        "inference",
        "postprocess",
        "encode",
    }
    for child in children.values():
        assert root.start_time_unix_nano <= child.start_time_unix_nano
        assert child.end_time_unix_nano <= root.end_time_unix_nano
    names = sorted(s.name for s in spans if s.kind == Span.SPAN_KIND_SERVER)
    assert names == ["POST /detect", "POST /detect", "_OTHER unknown"]  # and none of /healthz
    (denied,) = (s for s in spans if attributes(s).get("error.type") == "AccessDenied")
    assert attributes(denied)["http.response.status_code"] == 401


def test_nothing_is_imported_where_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert tracing.start("1") is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    for name, value in (("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            assert tracing.start("1") is None


def test_a_server_without_an_endpoint_has_nothing_of_it_imported() -> None:
    """Nothing but OpenTelemetry's interfaces, which FastAPI itself imports."""
    program = (
        "import asyncio, sys; from app.main import app;"
        "context = app.router.lifespan_context(app);"
        "asyncio.run(context.__aenter__());"
        "unwanted = ('opentelemetry.sdk', 'opentelemetry.exporter', 'app.observability.spans');"
        "print([name for name in sys.modules if name.startswith(unwanted)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=environment(None, 1, {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_collector_that_is_not_there_is_a_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_port() as nobody:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{nobody}")
        with serve(write_model(tmp_path / "scripted.onnx")) as server:
            assert post(server, drawn()).status_code == 200
            assert server.terminate() == 0
            lines = [line for line in server.lines() if line.strip()]
    told = [json.loads(line) for line in lines if "Spotter is ready" not in line]
    assert any("exporting" in line["message"] and line["level"] == "warning" for line in told)


def test_a_collector_that_never_answers_does_not_keep_the_server_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(
            "OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}"
        )
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "400")
        # So that it is not the limit on draining that ends it.
        program = "from app.__main__ import main; main(drain_seconds=1000)"
        model = write_model(tmp_path / "scripted.onnx")
        with serve(model, lambda _: ["-c", program]) as server:
            assert post(server, drawn()).status_code == 200
            began = time.monotonic()
            assert server.terminate() == 0
            assert time.monotonic() - began < 20  # OpenTelemetry itself gives up after 30


def test_missing_packages_are_said_and_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "app.observability.spans", raising=False)
    assert tracing.start("1") is None
    assert "the extra 'tracing'" in caplog.text
