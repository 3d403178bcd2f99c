"""Tells whether the model works; after a failure it is tried again periodically."""

import asyncio
import base64
import time
from contextlib import suppress

from app.vision.detections import Options
from app.vision.detector import Detector

_SECONDS_BETWEEN_TRIALS = 5.0
_DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


class Health:
    """Not thread-safe: call its methods from the event loop only."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._failed_since: float | None = None
        self._trial: asyncio.Future[None] | None = None  # keeps it from being collected

    def is_well(self) -> bool:
        """False if the last inference failed.

        An unhealthy server gets no requests, so it would never recover. Therefore this method
        starts an inference on an image of one pixel every few seconds.
        """
        if not self._detector.failed:
            self._failed_since = None
            return True
        now = time.monotonic()
        if self._failed_since is None:
            self._failed_since = now
        elif now - self._failed_since > _SECONDS_BETWEEN_TRIALS:
            self._failed_since = now
            self._trial = asyncio.ensure_future(asyncio.to_thread(self._try))
        return False

    def _try(self) -> None:
        with suppress(Exception):  # ``Detector.failed`` is set, and the first failure was logged
            self._detector.detect(_DOT, Options())
