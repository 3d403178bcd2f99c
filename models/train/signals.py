"""Handles stop signals: a run finishes its step and writes its checkpoint first."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_STOPPING = signal.SIGTERM, signal.SIGINT


def ignore_stop() -> None:
    """For processes that another one ends, if a signal goes to all of them at once."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def on_stop(stop: Callable[[], None]) -> Iterator[None]:
    """Calls ``stop`` on SIGTERM or SIGINT. Outside the main thread, signals are not handled."""

    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    before: dict[signal.Signals, Any] = {}
    try:
        for number in _STOPPING:
            before[number] = signal.signal(number, handle)
    except ValueError:
        pass
    try:
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)
