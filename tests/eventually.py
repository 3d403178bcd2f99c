"""Waiting for what comes sooner or later."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], limit: float = 120) -> None:
    """``limit``: seconds; it only ends a test that would wait for ever."""
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, "It did not come to that."
        time.sleep(0.03)
