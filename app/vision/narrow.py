"""A second session, of one thread a run, for when many images are worked on at a time.

A run on all cores answers soonest, and wastes some of each on handing out its parts: where every
core has an image of its own, more images are done in the same time.
"""

import logging
from collections.abc import Callable
from threading import Lock, Thread

from app.errors import StartError
from app.vision.session import Session

_log = logging.getLogger("spotter.model")


class NarrowSession:
    """Made when it is first wanted, so that neither starts nor lone callers pay for it."""

    def __init__(self, create: Callable[[], Session], cores: int) -> None:
        self._create = create
        self._cores = cores
        self._lock = Lock()
        self._begun = False
        self._session: Session | None = None

    def when(self, at_work: int) -> Session | None:
        """The session where ``at_work`` images, more than half of the cores, are worked on at once.

        None where they are fewer, while it is being made and where it could not be made.
        """
        if 2 * at_work <= self._cores:
            return None
        if not self._begun:
            self._begin()
        return self._session

    def _begin(self) -> None:
        with self._lock:
            if self._begun:
                return
            self._begun = True
        Thread(target=self._make, name="narrow-session", daemon=True).start()

    def _make(self) -> None:
        try:
            self._session = self._create()
        except StartError as error:
            _log.warning("no session of one thread a run: %s", error)
