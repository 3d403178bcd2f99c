"""Handles the events that Lambda delivers, and reports only the messages that failed."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from app.events.annotator import Annotator, Outcome
from app.events.batch_operations import Job, TaskResult, is_job
from app.events.envelopes import NotUnderstood
from app.events.notice import Notice, notices
from app.events.warm_up import is_warm_up

_SPARE_SECONDS = 2.0
_KEPT_OF_LONGEST = 0.8
"""Share of ``Consumer._longest`` that is kept from one event to the next."""
_LONGEST_BODY = 1 << 20
"""Most characters of a message; SQS allows as many bytes."""
_log = logging.getLogger("spotter.events")


class LambdaContext(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


class DeliveryFailed(Exception):
    """Lambda delivers the event again."""


class Consumer:
    def __init__(self, annotator: Annotator) -> None:
        self.annotator = annotator
        self._longest = 0.0
        """Seconds that the slowest object took. It decays: otherwise one object that took half of
        the timeout would cause all later ones to be handed back."""

    def consume(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any] | None:
        """Annotates the objects of ``event``.

        For a batch from SQS it returns the ids of the messages that failed; a malformed message
        does not affect the others. For a job of S3 Batch Operations it returns a result for each
        task. It ignores warm-up events.

        Raises DeliveryFailed if any other event fails, or a message without an id.
        """
        if is_warm_up(event):
            return None
        self._longest *= _KEPT_OF_LONGEST
        if is_job(event):
            return self._job(event, context)
        if _is_queue_batch(event):
            failed = [
                _message_id(message)
                for message in event["Records"]
                if not self._done(_notices_in(message), _message_id(message), context)
            ]
            if None in failed:
                raise DeliveryFailed("A message without an id failed; see the log.")
            return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
        if not self._done(notices(event), "event", context):
            raise DeliveryFailed("Not every object of the event could be annotated; see the log.")
        return None

    def _job(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        try:
            job = Job.read(event)
        except NotUnderstood as error:
            _log.error("not understood", extra={"fields": {"source": "job", "what": str(error)}})
            raise DeliveryFailed("A job's event cannot be read; see the log.") from error
        results = []
        for task in job.tasks:
            if task.notice is None:
                results.append(TaskResult.refused("the name of the object cannot be read"))
            elif task.notice.key.endswith("/"):
                results.append(TaskResult("Succeeded", "a folder, which has no image"))
            elif not self._has_time(context):
                results.append(TaskResult.postponed("no time was left"))
            else:
                results.append(TaskResult.of(self._outcome(task.notice)))
        return job.answer(results)

    def _done(self, found: Iterator[Notice], source: str | None, context: LambdaContext) -> bool:
        """Whether all were annotated. A failure does not stop the others.

        Stops when little time is left: Lambda would repeat the whole batch after a timeout.
        """
        complete = True
        try:
            for notice in found:
                if not self._has_time(context):
                    return False
                complete &= self._annotated(notice)
        except NotUnderstood as error:
            _log.error("not understood", extra={"fields": {"source": source, "what": str(error)}})
            return False
        return complete

    def _annotated(self, notice: Notice) -> bool:
        return isinstance(self._outcome(notice), Outcome)

    def _outcome(self, notice: Notice) -> Outcome | Exception:
        """Logs and returns the outcome. Any exception fails this object only."""
        began = time.perf_counter()
        fields: dict[str, object] = {"bucket": notice.bucket, "key": notice.key}
        try:
            outcome = self.annotator.annotate(notice)
        except Exception as error:
            _log.exception("not annotated", extra={"fields": fields})
            return error
        seconds = time.perf_counter() - began
        self._longest = max(self._longest, seconds)
        fields |= {"outcome": outcome.value, "ms": round(seconds * 1000, 1)}
        _log.info("object", extra={"fields": fields})
        return outcome

    def _has_time(self, context: LambdaContext) -> bool:
        remaining = context.get_remaining_time_in_millis() / 1000
        return remaining > 2 * self._longest + _SPARE_SECONDS


def _is_queue_batch(event: Mapping[str, Any]) -> bool:
    records = event.get("Records")
    return isinstance(records, list) and any(
        isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" for record in records
    )


def _message_id(message: object) -> str | None:
    name = message.get("messageId") if isinstance(message, Mapping) else None
    return name if isinstance(name, str) else None


def _notices_in(message: object) -> Iterator[Notice]:
    """Raises NotUnderstood if the message is malformed in any way."""
    try:
        body = _parsed(message)
    except NotUnderstood:
        raise
    except Exception as error:  # such as RecursionError for a hundred thousand brackets
        raise NotUnderstood("a message that is not JSON") from error
    yield from notices(body)


def _parsed(message: object) -> Mapping[str, Any]:
    if not isinstance(message, Mapping) or not isinstance(message.get("body"), str):
        raise NotUnderstood("a message without a body")
    if len(message["body"]) > _LONGEST_BODY:
        raise NotUnderstood("a message that is longer than SQS allows")
    body = json.loads(message["body"])
    if not isinstance(body, dict):
        raise NotUnderstood("a message that is not a JSON object")
    return body
