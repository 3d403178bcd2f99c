"""A closed-loop HTTP client that costs next to nothing: so many connections, each asking again
as soon as it is answered, with bytes made beforehand."""

import socket
import statistics
import threading
import time
from dataclasses import dataclass

_BOUNDARY = "spotter-benchmark"
_PATIENCE = 120.0
"""Seconds that an answer may take."""


@dataclass(frozen=True)
class Result:
    latencies: tuple[float, ...]
    """Seconds, one an answered request, while all connections were busy."""
    seconds: float
    """For how long all were."""
    errors: int
    answered: int
    """All requests with an answer, those at the end as well."""

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def p50(self) -> float:
        return statistics.median(self.latencies)

    @property
    def p95(self) -> float:
        """Of one or two requests the longest."""
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
    """Ask for ``seconds``, at least once a connection; answers other than 200 count as errors.

    What is answered after the first connection has stopped asking counts no more: fewer would
    share the server. Raises OSError where the server goes away or takes too long.
    """
    answers: list[tuple[float, float]] = []  # when, after how long
    failures: list[OSError] = []
    errors = 0
    lock = threading.Lock()
    began = time.perf_counter()
    end = began + seconds

    def ask() -> None:
        nonlocal errors
        with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
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
        last = answers[-1][0]  # hardly one answer each: better with its end than without
    within = tuple(spent for when, spent in answers if when <= last)
    return Result(within, max(last, 1e-9), errors, len(answers) + errors)


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer that has a Content-Length."""
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
