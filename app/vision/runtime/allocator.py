"""How the C library keeps the memory that decoding and resizing take and give back all the time."""

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGE = 8 * 1024 * 1024
_KEPT = 16 * 1024 * 1024


def tune_allocator() -> None:
    """Tell glibc; other C libraries have no such function, and no such need.

    Blocks of ``_LARGE`` bytes go back to the system as soon as they are free. Left alone, glibc
    takes the first that is freed as a sign to keep the next ones, a heap for each thread: 200 MB a
    thread after a single large photo, for good. Smaller ones, which every ordinary photo needs,
    are kept up to ``_KEPT`` bytes a thread: to be given fresh pages each time costs several
    milliseconds an image.
    """
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
