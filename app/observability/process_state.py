"""What the process has to say of itself beside its requests."""

from collections.abc import Mapping
from typing import NamedTuple


class State(NamedTuple):
    """At the time of asking."""

    ready: bool
    """Whether the model works and nobody has told the process to stop."""
    running: int
    """Images being worked on."""
    waiting: int
    places: int
    """Images that may be worked on or wait."""
    shed: int
    """Requests refused before anything was read of them, so far."""
    held_bytes: int
    """Of bodies that have arrived and are not answered."""
    model: Mapping[str, str]
