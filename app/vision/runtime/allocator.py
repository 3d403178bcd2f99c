"""Settings of the C library's allocator, for memory that is constantly allocated and freed."""

import ctypes
from contextlib import AbstractContextManager, suppress

# Parameter numbers of mallopt(3) in glibc.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4

_LARGE_BYTES = 8 * 1024 * 1024
_KEPT_BYTES = 16 * 1024 * 1024


def mallopt(options: dict[int, int]) -> None:
    """Sets glibc's ``options``. Other C libraries have no mallopt and are left unchanged."""
    with _glibc_only():
        library = ctypes.CDLL(None)
        for option, value in options.items():
            library.mallopt(option, value)


def release_free_memory() -> None:
    """Returns all free blocks to the system, if the C library is glibc.

    After a model is loaded they are 10 to 19 MB, which onnxruntime needed to read its file.
    """
    with _glibc_only():
        ctypes.CDLL(None).malloc_trim(0)


def tune_allocator() -> None:
    """Returns large blocks to the system at once and keeps small ones.

    By default glibc raises its threshold when the first large block is freed, and then keeps such
    blocks in a heap for each thread: one large photo costs 200 MB per thread permanently. Smaller
    blocks, which every ordinary photo needs, are kept, up to ``_KEPT_BYTES`` per thread, because
    fresh pages cost several milliseconds per image.
    """
    mallopt({MMAP_THRESHOLD: _LARGE_BYTES, TRIM_THRESHOLD: _KEPT_BYTES})


def _glibc_only() -> AbstractContextManager[None]:
    return suppress(AttributeError, OSError, TypeError)
