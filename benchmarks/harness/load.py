"""A closed-loop HTTP client: each connection sends its next request after an answer.

The bytes are prepared beforehand, so that the client needs hardly any CPU.
"""

import socket
import statistics
import threading
import time
from dataclasses import dataclass

_BOUNDARY = "spotter-benchmark"
_ANSWER_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Result:
    latencies: tuple[float, ...]
    """Seconds of each request that was answered with 200 while all connections were busy."""
    seconds: float
    """Time during which all connections were busy."""
    errors: int
    answered: int
    """All requests with an answer, also those after the first connection had stopped."""

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def p50(self) -> float:
        return statistics.median(self.latencies)

    @property
    def p95(self) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * 0.95)]


def multipart_request(path: str, image: bytes, field: str = "file") -> bytes:
    head = (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + image + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return _request(path, f"multipart/form-data; boundary={_BOUNDARY}", body)


def raw_request(path: str, image: bytes) -> bytes:
    return _request(path, "image/jpeg", image)


def _request(path: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def drive(port: int, request: bytes, concurrency: int, seconds: float) -> Result:
    """Sends ``request`` for ``seconds``, at least once on each connection.

    Answers other than 200 count as errors. Latencies stop counting when the first connection
    stops, since fewer connections would then share the server. Raises OSError if the server closes
    a connection or takes too long.
    """
    answers: list[tuple[float, float]] = []  # seconds since the beginning, latency
    failures: list[OSError] = []
    errors = 0
    lock = threading.Lock()
    began = time.perf_counter()
    end = began + seconds

    def ask() -> None:
        nonlocal errors
        with socket.create_connection(("127.0.0.1", port), _ANSWER_TIMEOUT_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                sent = time.perf_counter()
                connection.sendall(request)
                status = read_answer(connection)[0]
                now = time.perf_counter()
                with lock:
                    if status == 200:
                        answers.append((now - began, now - sent))
                    else:
                        errors += 1
                if now >= end:
                    return

    def ask_or_fail() -> None:
        try:
            ask()
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=ask_or_fail) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return _while_all_asked(answers, seconds, concurrency, errors)


def _while_all_asked(
    answers: list[tuple[float, float]], seconds: float, concurrency: int, errors: int
) -> Result:
    answers.sort()
    after = [when for when, _ in answers if when >= seconds]
    last = after[0] if after else seconds
    if sum(when <= last for when, _ in answers) < concurrency and answers:
        last = answers[-1][0]  # with so few answers each one counts
    within = tuple(spent for when, spent in answers if when <= last)
    return Result(within, max(last, 1e-9), errors, len(answers) + errors)


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of an answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError("The server closed the connection.")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError("The server closed the connection.")
        body += chunk
    return int(lines[0].split()[1]), body
