"""Waiting for what comes sooner or later."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], limit: float = 60, pause: float = 0.03) -> None:
    """``limit`` and ``pause``: seconds; the limit only ends a test that would wait for ever."""
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, "It did not come to that."
        time.sleep(pause)
