"""Keeps messages hidden from other workers while they are being processed."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from app.cloud.sqs import Message, Queue

_log = logging.getLogger("spotter.events")


class HeldMessages:
    """Safe to use from several threads at once."""

    def __init__(self, queue: Queue, hidden_seconds: int) -> None:
        self.queue = queue
        self.hidden_seconds = hidden_seconds
        self._held: dict[str, Message] = {}
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, messages: Sequence[Message]) -> Iterator[None]:
        with self._lock:
            self._held.update({message.receipt: message for message in messages})
        try:
            yield
        finally:
            with self._lock:
                for message in messages:
                    del self._held[message.receipt]

    def extend_until(self, stopped: threading.Event) -> None:
        """Renews the visibility timeout of the held messages, three times per timeout."""
        while not stopped.wait(self.hidden_seconds / 3):
            with self._lock:
                messages = list(self._held.values())
            try:
                self.queue.hide(messages, self.hidden_seconds)
            except Exception:  # another worker may get them too, and finds their rows written
                _log.exception("messages are not hidden any longer")
