"""Binds every thread of PyTorch to its own core.

The threads of oneDNN's weight gradients wait for each other by spinning. If the scheduler puts two
of them on one core, the spinning one blocks the other until its time slice ends: a step that takes
half a second then takes two. Bound threads never share a core.
"""

from __future__ import annotations

import os

_ALLOWED = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()


def bind() -> None:
    """Must be called before PyTorch is imported, since its OpenMP reads the environment only once.

    Existing settings are kept: for two runs on one machine, set ``OMP_PROC_BIND=false``, or give
    each run its own cores with ``taskset``.
    """
    os.environ.setdefault("OMP_PROC_BIND", "true")


def roam(_worker: int = 0) -> None:
    """Lets this process run on all cores; a child inherits the one core of its parent's thread."""
    if _ALLOWED:
        os.sched_setaffinity(0, _ALLOWED)


def places(threads: int) -> str:
    """Cores of all ``threads`` but the first, which is the caller's, in ONNX Runtime's syntax.

    Empty if there are fewer cores than threads.
    """
    cores = sorted(_ALLOWED)
    return ";".join(str(core + 1) for core in cores[1:threads]) if threads <= len(cores) else ""
