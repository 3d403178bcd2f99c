"""A way to the cloud on which a service is asked for more than was paid for."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import httpx

from tests.aws.moto import Cloud

_HOP_BY_HOP = {
    "connection",
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "date",
    "server",
}


@dataclass
class Throttle:
    refuses: Callable[[int], bool]
    """Given the number of a request to the service, from 0."""
    target: str | None = "DynamoDB_"
    """How the service's X-Amz-Target begins; S3 has none."""
    answer: bytes | None = None
    """What DynamoDB says instead of that it is throttled."""
    requests: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def concerns(self, target: str | None) -> bool:
        return target is None if self.target is None else (target or "").startswith(self.target)

    def next_is_refused(self) -> bool:
        with self._lock:
            refused = self.refuses(self.requests)
            self.requests += 1
            self.refused += refused
            return refused


class _Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, client: httpx.Client, throttle: Throttle, *args: object) -> None:
        self.client, self.throttle = client, throttle
        super().__init__(*args)  # type: ignore[arg-type]

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target")
        if self.throttle.concerns(target) and self.throttle.next_is_refused():
            if target is None:
                self._answer(503, {"Content-Type": "application/xml"}, _SLOW_DOWN)
            else:
                refusal = self.throttle.answer or _THROTTLED
                self._answer(400, {"Content-Type": "application/x-amz-json-1.0"}, refusal)
            return
        headers = {k: v for k, v in self.headers.items() if k.lower() != "accept-encoding"}
        answer = self.client.request(self.command, self.path, headers=headers, content=body)
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        if self.command == "HEAD":  # the length of what is not sent
            kept["Content-Length"] = answer.headers.get("content-length", "0")
        self._answer(answer.status_code, kept, answer.content)

    def do_GET(self) -> None:
        self._pass_on()

    def do_HEAD(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_PUT(self) -> None:
        self._pass_on()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


_THROTTLED = (
    b'{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",'
    b' "message": "The level of configured provisioned throughput for the table was exceeded."}'
)


_SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)


@contextmanager
def throttled(cloud: Cloud, throttle: Throttle) -> Iterator[Cloud]:
    with (
        httpx.Client(base_url=cloud.url, timeout=120, verify=False, trust_env=False) as client,
        http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_Proxy, client, throttle)
        ) as server,
    ):
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield replace(cloud, url=f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
