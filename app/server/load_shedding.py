"""Load shedding: refuses requests without parsing them while very many have to be refused."""

import asyncio
import logging
import re
import time
import uuid
from dataclasses import dataclass

from app.errors.problem import problem_bytes
from app.service.service import Service

_INTERVAL_SECONDS = 0.04
"""Seconds between refusals that the application handles (keys, CORS, log and metrics)."""
_BURST = 10
"""Number of these that may come at once after a pause."""
# Its quantifiers are possessive, so that it takes linear time for any input. Folded lines and bare
# LFs do not match: both could hide where the headers end.
_HEAD = re.compile(
    rb"POST ([!-~]++) HTTP/1\.([01])\r\n((?:[!#$%&'*+.^_`|~\w-]++:[\t -~\x80-\xff]*+\r\n)*+)\r\n"
)
_LENGTH = re.compile(rb"\d{1,15}")
_ID = re.compile(rb"[\w.-]{1,128}")
_READ_HEADERS = frozenset({b"host", b"content-length", b"connection", b"x-request-id"})
_EXCLUDED_HEADERS = frozenset({b"origin", b"expect", b"transfer-encoding", b"upgrade"})
"""Headers that change the form of the answer or the end of the request."""
_log = logging.getLogger("spotter.request")


@dataclass(frozen=True)
class Refusal:
    answer: bytes
    closes: bool
    """Whether the connection accepts no further request."""


@dataclass(frozen=True)
class Head:
    """The head of a request to /detect that can be parsed without ambiguity."""

    size: int
    """Bytes of the head, including the empty line."""
    length: int
    """Bytes of the body."""
    closes: bool
    """Whether it is the last one on its connection."""
    request_id: bytes | None

    @classmethod
    def parse(cls, data: bytes, paths: frozenset[bytes]) -> "Head | None":
        """Returns None if it is not a plain request: h11 and the application have to handle it."""
        match = _HEAD.match(data)
        if match is None or match[1].partition(b"?")[0] not in paths:
            return None
        found: dict[bytes, bytes] = {}
        for line in match[3].split(b"\r\n"):
            name, _, value = line.partition(b":")
            name = name.lower()
            if name in _EXCLUDED_HEADERS or name in found:
                return None
            if name in _READ_HEADERS:
                found[name] = value.strip(b" \t")
        connection = found.get(b"connection", b"keep-alive").lower()
        length = found.get(b"content-length", b"")
        if b"host" not in found or not _LENGTH.fullmatch(length):
            return None
        if connection not in (b"keep-alive", b"close"):
            return None
        request_id = found.get(b"x-request-id", b"")
        return cls(
            size=match.end(),
            length=int(length),
            closes=connection == b"close" or match[2] == b"0",
            request_id=request_id if _ID.fullmatch(request_id) else None,
        )


class Shedder:
    """Refuses images instead of the application while no place is free and many are refused."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._paths = frozenset({b"/detect", f"{service.settings.root_path}/detect".encode()})
        self._coming = 0
        """Requests that were passed on but are not in the pool yet."""
        self._next = 0.0
        self._logged_at = 0.0
        self._shed = 0

    def refusal(self, data: bytes) -> Refusal | None:
        """``data`` begins with a request's first byte. None if the application has to handle it."""
        head = None if self._service.draining else Head.parse(data, self._paths)
        if head is None:
            return None
        missing = head.size + head.length - len(data)
        if missing < 0:  # it contains the next request as well
            return None
        full = self._service.pool.overloaded(0 if missing else self._coming)
        if full is None and not missing:
            self._let_through()
        if full is None or not self._are_many():
            return None
        closes = head.closes or missing > 0
        headers = {
            "x-request-id": head.request_id.decode() if head.request_id else uuid.uuid4().hex
        }
        if closes:
            headers["connection"] = "close"
        return Refusal(problem_bytes(full, **headers), closes)

    def _let_through(self) -> None:
        """Counts the request until the next iteration of the loop, when it is in the pool."""
        if not self._coming:
            asyncio.get_running_loop().call_soon(self._arrived)
        self._coming += 1

    def _arrived(self) -> None:
        self._coming = 0

    def _are_many(self) -> bool:
        now = time.monotonic()
        self._next = max(self._next, now - _BURST * _INTERVAL_SECONDS)
        if self._next <= now:
            self._next += _INTERVAL_SECONDS
            return False
        self._shed += 1
        self._service.pool.shed += 1
        self._service.pool.press()
        if now - self._logged_at > 1:
            _log.warning("shed", extra={"fields": {"refused": self._shed}})
            self._logged_at, self._shed = now, 0
        return True
