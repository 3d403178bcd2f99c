"""Events as Lambda hands them over: what could not be done is handed back, and only that."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from app.events.annotator import Annotator
from app.events.notice import Notice, NotUnderstood, notices

_SPARE_SECONDS = 2.0
_log = logging.getLogger("spotter.events")


class LambdaContext(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


class DeliveryFailed(Exception):
    """Lambda delivers the event again."""


class Consumer:
    def __init__(self, annotator: Annotator) -> None:
        self.annotator = annotator
        self._longest = 0.0
        """Seconds that one object has taken."""

    def consume(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any] | None:
        """For a batch of SQS: which of its messages failed. Raises DeliveryFailed for the rest."""
        if _is_queue_batch(event):
            failed = [
                message["messageId"]
                for message in event["Records"]
                if not self._handled(message, context)
            ]
            return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
        if not self._done(notices(event), "event"):
            raise DeliveryFailed("Not every object of the event could be annotated; see the log.")
        return None

    def _handled(self, message: Mapping[str, Any], context: LambdaContext) -> bool:
        return self._has_time(context) and self._done(_notices_in(message), message["messageId"])

    def _done(self, found: Iterator[Notice], source: str) -> bool:
        """All are tried, whichever of them fails."""
        complete = True
        try:
            for notice in found:
                complete &= self._annotated(notice)
        except NotUnderstood as error:
            _log.error("not understood", extra={"fields": {"source": source, "what": str(error)}})
            return False
        return complete

    def _annotated(self, notice: Notice) -> bool:
        began = time.perf_counter()
        fields: dict[str, object] = {"bucket": notice.bucket, "key": notice.key}
        try:
            outcome = self.annotator.annotate(notice)
        except Exception:  # whatever it is, the other objects of the batch are not to blame
            _log.exception("not annotated", extra={"fields": fields})
            return False
        seconds = time.perf_counter() - began
        self._longest = max(self._longest, seconds)
        fields |= {"outcome": outcome.value, "ms": round(seconds * 1000, 1)}
        _log.info("object", extra={"fields": fields})
        return True

    def _has_time(self, context: LambdaContext) -> bool:
        """Better handed back than cut off, which would repeat the whole batch."""
        remaining = context.get_remaining_time_in_millis() / 1000
        return remaining > 2 * self._longest + _SPARE_SECONDS


def _is_queue_batch(event: Mapping[str, Any]) -> bool:
    records = event.get("Records") or [{}]
    return bool(records[0].get("eventSource") == "aws:sqs")


def _notices_in(message: Mapping[str, Any]) -> Iterator[Notice]:
    try:
        body = json.loads(message["body"])
    except ValueError as error:
        raise NotUnderstood("a message that is not JSON") from error
    if not isinstance(body, dict):
        raise NotUnderstood("a message that is no JSON object")
    yield from notices(body)
