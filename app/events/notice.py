"""What S3 tells of an object that arrived, in each of the forms that it tells it in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

_LONGEST_SEQUENCER = 32


class NotUnderstood(Exception):
    """An event of a form that is not known here."""


@dataclass(frozen=True)
class Notice:
    bucket: str
    key: str
    version: str | None = None
    sequencer: str = ""
    """Of two notices of one key the one with the greater string is newer."""


def notices(event: Mapping[str, Any]) -> Iterator[Notice]:
    """Of objects that arrived, in ``event`` of S3 itself or by way of EventBridge.

    Raises NotUnderstood.
    """
    if event.get("Event") == "s3:TestEvent":
        return
    if event.get("source") == "aws.s3":
        found = _from_event_bridge(event)
    elif "Records" in event:
        found = _from_s3(event["Records"])
    else:
        raise NotUnderstood(f"an event with the members {sorted(map(str, event))[:10]}")
    try:
        yield from (notice for notice in found if not notice.key.endswith("/"))  # a "directory"
    except (KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"an event of S3 that is not as S3 writes it ({error!r})") from error


def _from_s3(records: list[dict[str, Any]]) -> Iterator[Notice]:
    for record in records:
        if record["eventSource"] != "aws:s3":
            raise NotUnderstood(f"a record of {str(record['eventSource'])[:40]}")
        if record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"):
            stored = record["s3"]["object"]
            yield Notice(
                record["s3"]["bucket"]["name"],
                unquote_plus(stored["key"]),
                stored.get("versionId"),
                _comparable(stored.get("sequencer", "")),
            )


def _from_event_bridge(event: Mapping[str, Any]) -> Iterator[Notice]:
    """Here keys are not encoded."""
    if event["detail-type"] == "Object Created":
        stored = event["detail"]["object"]
        yield Notice(
            event["detail"]["bucket"]["name"],
            stored["key"],
            stored.get("version-id"),
            _comparable(stored.get("sequencer", "")),
        )


def _comparable(sequencer: str) -> str:
    """S3's are hexadecimal, of different lengths, and compared as if filled up on the right."""
    return sequencer.upper().ljust(_LONGEST_SEQUENCER, "0") if sequencer else ""
