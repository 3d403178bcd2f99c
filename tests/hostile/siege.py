"""Sends requests to a real server, byte by byte as they are, and judges its answers."""

import json
import re
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse

from app.errors import PUBLIC_ERRORS
from tests.hostile.requests import made
from tests.server import Server

CODES = {error.__name__ for error in PUBLIC_ERRORS}
_STATUSES = {200, 304, 400, 401, 403, 404, 405, 408, 413, 415, 422}
"""503 is none of them: nobody asks for more at a time than there are places."""
_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)
_PATIENCE = 120.0
_SHORT_PATIENCE = 0.1
"""If the server may well wait for more: from the moment when it has seen what was sent."""
_AT_A_TIME = 8
_EVERY = 250
_LAST = 3
"""Samples of the memory at the end."""
_LONGEST_LINE = 2000


@dataclass
class Siege:
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: dict[int, str] = field(default_factory=dict)
    """By number of the request."""
    resident: list[int] = field(default_factory=list)
    """Bytes of the server after each ``_EVERY`` requests."""
    log: str = ""
    """What is wrong with what the server wrote."""

    @property
    def grown(self) -> int:
        """Bytes, after the first quarter: by then the server has seen everything.

        The least of the last samples counts: what one request has taken may not be given back yet.
        """
        return min(self.resident[-_LAST:]) - self.resident[len(self.resident) // 4]


def besiege(server: Server, seed: int, numbers: range) -> Siege:
    siege = Siege()
    for first in numbers[::_EVERY]:
        _assault(server, siege, seed, range(first, min(first + _EVERY, numbers.stop)))
        siege.resident.append(server.memory("VmRSS"))
    if server.client.get("/healthz").status_code != 200:
        siege.wrong[numbers.stop] = "not healthy any more"
    siege.log = _fault_of_log(server)
    return siege


def _assault(server: Server, siege: Siege, seed: int, numbers: range) -> None:

    def one(number: int) -> None:
        data = made(seed, number).wire()
        outcome, wrong = _answer(server.port, data)
        siege.outcomes[outcome] += 1
        if wrong:
            siege.wrong[number] = f"{wrong}: {data[:300]!r}"

    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        for _ in threads.map(one, numbers):
            pass


def _fault_of_log(server: Server) -> str:
    for line in server.lines():
        if not line or "is ready: http" in line:
            continue
        if not line.isascii() or not line.isprintable() or len(line) > _LONGEST_LINE:
            return f"odd line: {line[:500]!r} ... {line[-1000:]!r}"
        try:
            told = json.loads(line)
        except ValueError:
            return f"not JSON: {line[:500]!r}"
        if told["level"] not in ("info", "warning") or "exception" in told:
            return line
    return ""


def _answer(port: int, data: bytes) -> tuple[str, str]:
    """What came back, in a word, and what is wrong with it."""
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as wire:
        with suppress(OSError):  # refused before it was sent: the answer may be there nevertheless
            wire.sendall(data)
        if not _is_whole(data):
            _wait_until_seen(port)
            wire.settimeout(_SHORT_PATIENCE)
        response = HTTPResponse(wire, method=data.split(b" ", 1)[0].decode("latin-1"))
        try:
            response.begin()
            body = response.read()
        except TimeoutError:
            return ("waits", "") if not _is_whole(data) else ("silent", "no answer")
        except ConnectionError:
            return "closed", ""
        except HTTPException as error:
            return ("closed", "") if "RemoteDisconnected" in repr(error) else ("odd", repr(error))
        return _outcome(response.status, body), _fault(response, body, data)


def _wait_until_seen(port: int) -> None:
    """Waits for an answer that was asked for later.

    A server that a busy machine keeps waiting would otherwise be sent more than it has places for.
    """
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while wire.recv(10_000):
            pass


def _outcome(status: int, body: bytes) -> str:
    """With the code of an error, where it has one."""
    code = re.search(rb'"(?:code|__type)": "(\w+)"', body) if status >= 400 else None
    return f"{status} {code[1].decode()}" if code else str(status)


def _is_whole(data: bytes) -> bool:
    """Whether the server has no reason to wait for more."""
    head, end, body = data.partition(b"\r\n\r\n")
    lengths = re.findall(rb"(?i)\r\ncontent-length: *(\d+) *(?=\r\n|$)", head)
    if not end or b"transfer-encoding" in head.lower() or b"expect" in head.lower():
        return False
    return len(lengths) <= 1 and len(body) >= sum(map(int, lengths))


def _fault(response: HTTPResponse, body: bytes, data: bytes) -> str:
    status, kind = response.status, response.headers.get("content-type", "")
    if status not in _STATUSES:
        return f"status {status}: {body[:200]!r}"
    if response.headers.get("x-content-type-options") != "nosniff":
        return f"{status}: may be sniffed"
    given = response.headers.get("x-request-id")
    if given is not None and not _ID.fullmatch(given):
        return f"id {given!r}"
    if "text/html" in kind and status != 200:
        return f"{status} as HTML: {body[:200]!r}"
    if response.headers.get("set-cookie") or response.headers.get("x"):
        return f"a header of the client's: {response.headers}"
    return _fault_of_error(kind, body) if status >= 400 and body else ""


def _fault_of_error(kind: str, body: bytes) -> str:
    try:
        told = json.loads(body)
    except ValueError:
        return f"an error that is not JSON: {kind}: {body[:200]!r}"
    if kind == "application/problem+json":
        return "" if told["code"] in CODES and told["detail"] else f"undocumented: {told}"
    if kind == "application/x-amz-json-1.1":
        return "" if told["__type"] and told["Message"] else f"undocumented: {told}"
    if kind == "application/json" and told.get("success") is False:
        return "" if told["error"] else f"undocumented: {told}"
    return f"an error of another kind: {kind}: {body[:200]!r}"
