"""Handles stop signals: a run finishes its step and writes its checkpoint first."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def on_stop(stop: Callable[[], None]) -> Iterator[None]:
    """Calls ``stop`` on SIGTERM or SIGINT. Outside the main thread, signals are not handled."""

    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    before: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, handle)
    except ValueError:
        pass
    try:
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)
