"""Keep freed memory in the process.

glibc gives freed memory back to the system by default. The page faults that follow cost a training
step on the CPU about a quarter of its time.
"""

from app.vision.runtime.allocator import MMAP_MAX, TOP_PAD, TRIM_THRESHOLD, mallopt


def keep_freed() -> None:
    mallopt({MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 64 << 20})
