"""Limits the time for draining: at its end the process exits, whatever its threads are doing."""

import logging
import os
import threading
import time
from queue import Empty, SimpleQueue

DRAIN_SECONDS = 30
"""Most seconds from SIGTERM to the end of the process."""
CUT_SECONDS = 1
"""Seconds before that end at which open requests are answered with 503."""
_EXIT_SECONDS = 2.0
"""Seconds that the interpreter has to exit after the server has stopped."""
_FLUSH_SECONDS = 0.5
_log = logging.getLogger("spotter")


class DrainLimit:
    """Ends the process by force if it has not ended in time.

    A thread that runs C code, such as a decoder or a model, cannot be stopped, and the interpreter
    waits for it at exit. The thread of this class is a daemon, so nothing waits for it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        # Its ``put`` is safe in a signal handler, where locks and new threads could deadlock.
        self._deadlines: SimpleQueue[float] = SimpleQueue()
        threading.Thread(target=self._watch, name="drain limit", daemon=True).start()

    def begin(self) -> None:
        """Call it when the process has been told to stop. Safe to call from a signal handler."""
        self._deadlines.put(time.monotonic() + self.seconds)

    def stopped(self) -> None:
        """Call it when the server has stopped: threads that still run need not be waited for."""
        self._deadlines.put(time.monotonic() + _EXIT_SECONDS)

    def _watch(self) -> None:
        end = self._deadlines.get()
        while (left := end - time.monotonic()) > 0:
            try:
                end = min(end, self._deadlines.get(timeout=left))
            except Empty:
                break
        _exit_now()


def _exit_now() -> None:
    """Ends the process by force. The exit code is 0, since being stopped is not a failure."""
    # The log may be a pipe that nobody reads, which must not block the exit.
    flushing = threading.Thread(target=_log_forced_exit, daemon=True)
    flushing.start()
    flushing.join(_FLUSH_SECONDS)
    os._exit(0)


def _log_forced_exit() -> None:
    _log.warning("ended while threads were still working")
    logging.shutdown()
