"""Draining has an end: then the process ends, whatever its threads are doing."""

import logging
import os
import threading
import time
from queue import Empty, SimpleQueue

DRAIN_SECONDS = 30
"""From SIGTERM to the end of the process, at most."""
CUT_SECONDS = 1
"""Before that end, requests that are still open are cut: each gets its answer, 503."""
_EXIT_SECONDS = 2.0
"""The interpreter has to exit in so many seconds after the server has stopped."""
_FLUSH_SECONDS = 0.5
_log = logging.getLogger("spotter")


class DrainLimit:
    """Ends the process by force if it has not ended in time.

    A thread that runs C code, such as a decoder or a model, cannot be stopped, and the interpreter
    waits for it at its exit. This thread is a daemon: nothing waits for it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        # Its ``put`` may be called in a signal handler; locks and new threads could deadlock there.
        self._orders: SimpleQueue[float] = SimpleQueue()
        threading.Thread(target=self._watch, name="drain limit", daemon=True).start()

    def begin(self) -> None:
        """Call it when the process has been told to stop; from a signal handler, too."""
        self._orders.put(time.monotonic() + self.seconds)

    def stopped(self) -> None:
        """Call it when the server has stopped: nobody waits for the threads that still run."""
        self._orders.put(time.monotonic() + _EXIT_SECONDS)

    def _watch(self) -> None:
        end = self._orders.get()
        while (left := end - time.monotonic()) > 0:
            try:
                end = min(end, self._orders.get(timeout=left))
            except Empty:
                break
        _exit_now()


def _exit_now() -> None:
    """The last resort. To have been stopped is no failure: the exit code is 0."""
    # The log may be a pipe that nobody reads: it must not hold up the end.
    flushing = threading.Thread(target=_say_goodbye, daemon=True)
    flushing.start()
    flushing.join(_FLUSH_SECONDS)
    os._exit(0)


def _say_goodbye() -> None:
    _log.warning("ended while threads were still working")
    logging.shutdown()
