"""Work that can pause: between two turns others may have the processor."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Turns = Generator[int, None, T]
"""Yields the bytes of memory that it is going to hold from then on, beside what it holds."""


def at_once(turns: Turns[T]) -> T:
    """What the work returns; it does not pause. Raises what the work raises."""
    while True:
        try:
            next(turns)
        except StopIteration as end:
            result: T = end.value
            return result
