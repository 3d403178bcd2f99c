"""Masks as run lengths: COCO's compressed form, column by column, zeros first."""

import numpy as np
from numpy.typing import NDArray

from app.vision.arrays import Ints

_BITS = 5
"""Bits of a count per character."""


def counts_between(changes: Ints, pixels: int) -> Ints:
    """Lengths of the runs, of zeros and ones in turn, between ``changes`` of the value.

    ``changes`` are sorted positions in the flat mask. Two at the same position cancel each other.
    """
    places, times = np.unique(changes, return_counts=True)
    places = places[(times % 2 == 1) & (places < pixels)]
    counts: Ints = np.diff(np.concatenate([[0], places, [pixels]]))
    return counts


def filled(changes: Ints, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask with these changes of value, as an array of ``shape``."""
    size = shape[0] * shape[1]
    toggles = np.bincount(changes, minlength=size + 1)[:size].astype(np.uint8)
    inside: NDArray[np.bool_] = np.cumsum(toggles, dtype=np.uint8) % 2 == 1
    return inside.reshape(shape)


def compress(counts: Ints) -> str:
    """Encodes each count from the fourth on as the difference from the count two before.

    Each character has five bits, the lowest first, and a sixth that says whether more follow.
    """
    rest = counts.astype(np.int64)
    rest[3:] -= counts[1:-2]
    characters, used = [], []
    open_ = np.ones(len(rest), dtype=bool)
    while open_.any():
        low = rest & 31
        rest = rest >> _BITS
        more = rest != np.where(low & 16, -1, 0)
        characters.append((low | (more << _BITS)) + 48)
        used.append(open_)
        open_ = open_ & more
    text: NDArray[np.int64] = np.stack(characters, axis=1)[np.stack(used, axis=1)]
    return text.astype(np.uint8).tobytes().decode("ascii")
