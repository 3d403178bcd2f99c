"""Unwraps the envelopes that SNS puts around messages, in its own events and in a queue's."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_DEEPEST = 3
"""Most nested envelopes. A topic in front of a queue adds one."""
_MOST_MESSAGES = 10
"""Most messages in one envelope; SNS sends one."""


class NotUnderstood(Exception):
    """The form of an event is unknown."""


def opened(event: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yields the events in the envelope ``event``, or ``event`` itself if it is not an envelope.

    Raises NotUnderstood if an envelope holds no JSON object, or if too many are nested.
    """
    messages = _messages(event)
    if not messages:
        yield event
        return
    if depth == _DEEPEST or len(messages) > _MOST_MESSAGES:
        raise NotUnderstood("too many envelopes of SNS")
    for message in messages:
        yield from opened(_parsed(message), depth + 1)


def _messages(event: Mapping[str, Any]) -> list[object]:
    """The messages in the envelope ``event``; empty if it is not an envelope."""
    if event.get("Type") == "Notification" and "TopicArn" in event:
        return [event.get("Message")]
    records = event.get("Records")
    if not isinstance(records, list) or not any(map(_is_sns, records)):
        return []
    return [record["Sns"]["Message"] if _is_sns(record) else None for record in records]


def _is_sns(record: object) -> bool:
    return isinstance(record, Mapping) and record.get("EventSource") == "aws:sns"


def _parsed(message: object) -> Mapping[str, Any]:
    if not isinstance(message, str):
        raise NotUnderstood("a notification without a message")
    try:
        event = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood("a notification whose message is not JSON") from error
    if not isinstance(event, dict):
        raise NotUnderstood("a notification whose message is not a JSON object")
    return event
