"""The state of the process, beside what is known of its requests."""

from collections.abc import Mapping
from typing import NamedTuple


class ProcessState(NamedTuple):
    """A snapshot, taken when the metrics are asked for."""

    ready: bool
    """True if the model works and the process was not told to stop."""
    running: int
    """Images being worked on."""
    waiting: int
    queue_capacity: int
    """Images that may be worked on or wait."""
    shed: int
    """Requests refused before anything was read of them, so far."""
    held_bytes: int
    """Memory that requests hold which are not answered yet."""
    model: Mapping[str, str]
