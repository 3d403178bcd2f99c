"""A closed-loop HTTP client that costs next to nothing: so many connections, each asking again
as soon as it is answered, with bytes made beforehand."""

import socket
import statistics
import threading
import time
from dataclasses import dataclass

_BOUNDARY = "spotter-benchmark"


@dataclass(frozen=True)
class Result:
    latencies: tuple[float, ...]
    """Seconds, one an answered request."""
    seconds: float
    errors: int

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
    """Ask for ``seconds``, at least once a connection; answers other than 200 count as errors."""
    latencies: list[float] = []
    errors = 0
    lock = threading.Lock()
    began = time.perf_counter()
    end = began + seconds

    def ask() -> None:
        nonlocal errors
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                sent = time.perf_counter()
                connection.sendall(request)
                status = read_answer(connection)[0]
                spent = time.perf_counter() - sent
                with lock:
                    if status == 200:
                        latencies.append(spent)
                    else:
                        errors += 1
                if time.perf_counter() >= end:
                    return

    threads = [threading.Thread(target=ask) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Result(tuple(latencies), time.perf_counter() - began, errors)


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
