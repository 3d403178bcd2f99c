"""Memory of large blocks goes back to the system as soon as it is free."""

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
_LARGE = 4 * 1024 * 1024


def return_large_blocks() -> None:
    """Tell glibc to; other C libraries have no such function, and no such need.

    Left alone it takes the first large block that is freed as a sign to keep the next ones, a
    heap for each thread: 200 MB a thread after a single large photo, for good.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
