"""Runs in a process of its own, since other tests change the memory of this one."""

import subprocess
import sys

_MEGABYTES = 60
_FREED_BELOW_A_USED_BLOCK = f"""
import ctypes, re
from pathlib import Path
from app.vision.runtime.allocator import release_free_memory

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks = [library.malloc(1000) for _ in range({_MEGABYTES} * 1000)]
for block in blocks:
    ctypes.memset(block, 1, 1000)
for block in blocks[:-1]:
    library.free(block)
before = resident()
release_free_memory()
print(before - resident())
"""


def test_free_blocks_below_a_used_one_go_back_to_the_system() -> None:
    command = [sys.executable, "-c", _FREED_BELOW_A_USED_BLOCK]
    released = float(subprocess.check_output(command, text=True))
    assert released > 0.9 * _MEGABYTES
