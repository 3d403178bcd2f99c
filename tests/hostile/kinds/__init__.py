"""Files that amplify a part of their format: repeated, referred to often, shared, or emptied.

Each kind makes files of about any size, from a random generator that chooses the rest.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

LARGEST = 20 * 1024 * 1024
"""Bytes that a body may have by default."""


@dataclass(frozen=True)
class Kind:
    form: str
    """Pillow's name of the format."""
    name: str
    make: Callable[[random.Random, int], bytes]

    def file(self, rng: random.Random, size: int) -> bytes:
        """Of about ``size`` bytes, fewer if the format has no room for more."""
        return self.make(rng, size)[:LARGEST]


KINDS: list[Kind] = []


def kind(form: str) -> Callable[[Callable[[random.Random, int], bytes]], Kind]:
    """Registers a function as the kind that its name says."""

    def register(make: Callable[[random.Random, int], bytes]) -> Kind:
        KINDS.append(Kind(form, make.__name__.replace("_", " "), make))
        return KINDS[-1]

    return register


def all_kinds() -> list[Kind]:
    """Every format's, in the same order each time."""
    from tests.hostile.kinds import bmp, gif, isobmff, jpeg, png, tiff, webp  # noqa: F401

    return KINDS


def times(piece: bytes, size: int) -> bytes:
    """As often as fits into ``size`` bytes, and at least once."""
    return piece * max(1, size // max(1, len(piece)))
