"""Settings of the C library's allocator, for memory that is taken and given back all the time."""

import ctypes
from contextlib import suppress

# Numbers of mallopt(3) in glibc.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4

_LARGE_BYTES = 8 * 1024 * 1024
_KEPT_BYTES = 16 * 1024 * 1024


def mallopt(options: dict[int, int]) -> None:
    """Set glibc's ``options``. Other C libraries have no mallopt and are left as they are."""
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        for option, value in options.items():
            library.mallopt(option, value)


def tune_allocator() -> None:
    """Give large blocks back at once and keep small ones.

    By default glibc raises its threshold when the first large block is freed, and from then on
    keeps such blocks in a heap for each thread: one large photo costs 200 MB a thread for good.
    Smaller blocks, which every ordinary photo needs, are kept up to ``_KEPT_BYTES`` a thread,
    because fresh pages cost several milliseconds an image.
    """
    mallopt({MMAP_THRESHOLD: _LARGE_BYTES, TRIM_THRESHOLD: _KEPT_BYTES})
