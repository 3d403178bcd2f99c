"""Limits the number of connections, and ends idle ones to make room for new ones."""

import logging
import resource
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Protocol as Interface

MOST_CONNECTIONS = 1000
_RESERVED_FILES = 100
"""Files for the model, logs, S3, and connections that are accepted but not counted yet."""
_log = logging.getLogger("spotter")


class Waiting(Interface):
    def end(self) -> None:
        """Ends the connection, which has no request to answer."""


class Crowd:
    """Ends the connection that has been idle for longest if there would be too many."""

    def __init__(self, most: int) -> None:
        self.most = most
        """Most connections at a time, idle or not."""
        self._waiting: OrderedDict[Waiting, None] = OrderedDict()
        self._ended = _Counter("connections ended", "idle for longest, to make room")
        self._refused = _Counter("connections refused", "too many at a time")

    def wait(self, connection: Waiting) -> None:
        """Call it when the connection begins to wait for its client."""
        self._waiting[connection] = None
        self._waiting.move_to_end(connection)

    def leave(self, connection: Waiting) -> None:
        """Call it when the connection no longer waits. It need not have waited at all."""
        self._waiting.pop(connection, None)

    def make_room(self, connections: int) -> bool:
        """Whether there is room for ``connections``, which include the newest."""
        if connections <= self.most:
            return True
        if not self._waiting:
            self._refused.count()
            return False
        longest, _ = self._waiting.popitem(last=False)
        longest.end()
        self._ended.count()
        return True


class _Counter:
    """Logs the number of events, at most once a second."""

    def __init__(self, message: str, reason: str) -> None:
        self._message, self._reason = message, reason
        self._number = 0
        self._logged_at = -1.0

    def count(self) -> None:
        self._number += 1
        now = time.monotonic()
        if now - self._logged_at >= 1:
            fields = {"number": self._number, "reason": self._reason}
            _log.warning(self._message, extra={"fields": fields})
            self._logged_at, self._number = now, 0


def raise_file_limit() -> int:
    """Raises the soft limit of open files to the hard one. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS has a lower limit of its own
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def most_connections(files: int) -> int:
    """``files`` is the limit of open files."""
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(files - _RESERVED_FILES, files // 2))
