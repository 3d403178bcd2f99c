"""Every thread of PyTorch on a core of its own.

oneDNN's weight gradients wait for one another by spinning. Where the scheduler has put two of their
threads on one core, the one that spins keeps the other from running until its turn is over: a
step that takes half a second takes two. Bound threads cannot meet.
"""

from __future__ import annotations

import os

_ALLOWED = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()


def bind() -> None:
    """To be called before PyTorch is imported, since its OpenMP reads the environment but once.

    What the environment says already stays: who trains twice on one machine sets
    ``OMP_PROC_BIND=false``, or gives each run its own cores with ``taskset``.
    """
    os.environ.setdefault("OMP_PROC_BIND", "true")


def roam(_worker: int = 0) -> None:
    """Let this process run on all cores; a child inherits the one core of its parent's thread."""
    if _ALLOWED:
        os.sched_setaffinity(0, _ALLOWED)


def places(threads: int) -> str:
    """Cores of the second to the last of ``threads``, in ONNX Runtime's words; the first is ours.

    Empty where there are fewer cores than threads.
    """
    cores = sorted(_ALLOWED)
    return ";".join(str(core + 1) for core in cores[1:threads]) if threads <= len(cores) else ""
