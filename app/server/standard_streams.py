"""Standard streams that were closed before the start: ``python -m app >&-``."""

import os
import sys


def open_closed_streams() -> None:
    """Opens ``/dev/null`` in place of each closed stream.

    Otherwise the next file or connection gets its number, and lines of the log go there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one, since those below are open.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123
