"""Refusals that cost next to nothing, for when there are very many of them."""

import asyncio
import logging
import re
import time
import uuid

from app.errors import Overloaded
from app.errors.problem import problem_bytes
from app.service.service import Service

_EVERY = 0.04
"""Seconds between refusals that go the whole way: keys, CORS, log and metrics."""
_AT_ONCE = 10
"""Of these, after a pause."""
_LENGTHS = re.compile(rb"\ncontent-length", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,15}) *\r\n", re.IGNORECASE)
_ID = re.compile(rb"\r\nx-request-id: *([\w.-]{1,128}) *\r\n", re.IGNORECASE)
_SPECIAL = re.compile(
    rb"\n(?:origin|expect|transfer-encoding|connection: *close|\r?\n)", re.IGNORECASE
)
_log = logging.getLogger("spotter.request")


class Shedder:
    """Refuses images in place of the application while there is no room and many are refused."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._start = f"POST {service.settings.root_path}/detect".encode()
        self._coming = 0
        """Let through by now, and not in the pool yet."""
        self._next = 0.0
        self._told = 0.0
        self._shed = 0

    def refusal(self, data: bytes) -> tuple[bytes, bool] | None:
        """For the first bytes of a request: the answer, and whether these are all of it.

        None where the application has to look.
        """
        if not data.startswith(self._start):
            return None
        end = data.find(b"\r\n\r\n")
        head = data[: end + 2]
        length = _LENGTH.search(head)
        if end < 0 or length is None or len(_LENGTHS.findall(head)) > 1 or _SPECIAL.search(head):
            return None
        missing = int(length[1]) - (len(data) - end - 4)
        if missing < 0:
            return None
        full = self._service.pool.overloaded(0 if missing else self._coming)
        if full is None and not missing:
            self._let_through()
        if full is None or not self._are_many():
            return None
        given = _ID.search(head)
        request_id = given[1].decode() if given else uuid.uuid4().hex
        return _response(full, request_id, keep_alive=not missing), not missing

    def _let_through(self) -> None:
        """Until the event loop has come round once it has no place: many may come at a time."""
        if not self._coming:
            asyncio.get_running_loop().call_soon(self._arrived)
        self._coming += 1

    def _arrived(self) -> None:
        self._coming = 0

    def _are_many(self) -> bool:
        now = time.monotonic()
        self._next = max(self._next, now - _AT_ONCE * _EVERY)
        if self._next <= now:
            self._next += _EVERY
            return False
        self._shed += 1
        self._service.pool.shed += 1
        self._service.pool.press()
        if now - self._told > 1:
            _log.warning("shed", extra={"fields": {"refused": self._shed}})
            self._told, self._shed = now, 0
        return True


def _response(error: Overloaded, request_id: str, keep_alive: bool) -> bytes:
    closing = {} if keep_alive else {"connection": "close"}
    return problem_bytes(error, **{"x-request-id": request_id}, **closing)
