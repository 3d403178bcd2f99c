"""Work that can pause, so that other work may run in between."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Turns = Generator[int, None, T]
"""Yields, at each pause, the bytes of memory that it is about to hold in addition."""


def at_once(turns: Turns[T]) -> T:
    """Runs ``turns`` to the end without pausing. Returns and raises what they do."""
    while True:
        try:
            next(turns)
        except StopIteration as end:
            result: T = end.value
            return result
