"""What SNS wraps around a message: in the events of its own, and in the messages of a queue."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_DEEPEST = 3
"""Envelopes within each other. A topic in front of a queue is one."""
_MOST_MESSAGES = 10
"""Messages in one envelope, of which SNS sends one."""


class NotUnderstood(Exception):
    """An event of a form that is not known here."""


def opened(event: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The events in ``event``: itself, unless it is an envelope.

    Raises NotUnderstood if there is no JSON object in an envelope, or another in too many of them.
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
    """What the envelope ``event`` holds; empty if it is none."""
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
        raise NotUnderstood("a notification whose message is no JSON object")
    return event
