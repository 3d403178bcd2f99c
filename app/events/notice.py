"""Notices of S3 that an object was created or deleted, parsed from each form of its events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

from app.cloud.s3 import StoredObject
from app.events.envelopes import NotUnderstood, opened
from app.events.row import object_name

_LONGEST_SEQUENCER = 32
_MOST_RECORDS = 100
"""S3 sends one per message. Thousands would use up the time of the batch's other messages."""
_LONGEST_REASON = 200
STALE = "ObjectCreated:Stale"
"""The event that ``backfill --stale --enqueue`` sends: replace a row that another model made."""
_NO_VERSION = "null"
_REMOVALS = ("ObjectRemoved:", "LifecycleExpiration:")
_EVENT_BRIDGE_TYPES = {"Object Created": False, "Object Deleted": True}
"""For each type of event, whether it means a removal."""


@dataclass(frozen=True)
class Notice:
    bucket: str
    key: str
    version: str | None = None
    sequencer: str = ""
    """The greater of two strings belongs to the newer notice for a key."""
    removed: bool = False
    """The object or its version was deleted, or a delete marker hides it."""
    stale: bool = False
    """A row that another model made has to be replaced."""

    @property
    def object_name(self) -> str:
        return object_name(self.bucket, self.key)

    def is_about(self, current: StoredObject) -> bool:
        """Whether it is about the version ``current``."""
        return self.version in (None, current.version or _NO_VERSION)


def notices(event: Mapping[str, Any]) -> Iterator[Notice]:
    """Yields the created and deleted objects in an ``event`` from S3, EventBridge or SNS.

    Raises NotUnderstood if the event is malformed in any way.
    """
    try:
        for inner in opened(event):
            # S3 consoles store a folder as an object whose key ends in a slash.
            yield from (notice for notice in _found(inner) if not notice.key.endswith("/"))
    except NotUnderstood:
        raise
    except Exception as error:  # senders to the queue may send any JSON
        reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
        raise NotUnderstood(f"a malformed event of S3 ({reason})") from error


def _found(event: Mapping[str, Any]) -> Iterator[Notice]:
    if event.get("Event") == "s3:TestEvent":
        return
    if event.get("source") == "aws.s3":
        yield from _from_event_bridge(event)
    elif "Records" in event:
        yield from _from_s3(event["Records"])
    else:
        members = [str(name)[:40] for name in islice(event, 10)]
        raise NotUnderstood(f"an event with the members {sorted(members)}")


def _from_s3(records: list[dict[str, Any]]) -> Iterator[Notice]:
    if len(records) > _MOST_RECORDS:
        raise NotUnderstood(f"{len(records)} records, of which S3 sends one")
    for record in records:
        # MinIO writes "minio:s3" and Ceph "ceph:s3".
        if record["eventSource"].partition(":")[2] != "s3":
            raise NotUnderstood(f"a record of {str(record['eventSource'])[:40]}")
        name = record["eventName"].removeprefix("s3:")
        removed = name.startswith(_REMOVALS)
        if removed or name.startswith("ObjectCreated:"):
            stored = record["s3"]["object"]
            key = unquote_plus(_text(stored["key"]))
            found = _notice(record["s3"]["bucket"], key, stored, "versionId")
            yield replace(found, removed=removed, stale=name == STALE)


def _from_event_bridge(event: Mapping[str, Any]) -> Iterator[Notice]:
    """Unlike S3's own events, those of EventBridge do not URL-encode keys."""
    removed = _EVENT_BRIDGE_TYPES.get(event["detail-type"])
    if removed is not None:
        stored = event["detail"]["object"]
        key = _text(stored["key"])
        found = _notice(event["detail"]["bucket"], key, stored, "version-id")
        yield replace(found, removed=removed)


def _notice(
    bucket: Mapping[str, Any], key: str, stored: Mapping[str, Any], version_member: str
) -> Notice:
    version = stored.get(version_member)
    return Notice(
        _text(bucket["name"]),
        key,
        None if version in (None, "") else _text(version),
        _comparable(_text(stored.get("sequencer", ""))),
    )


def _text(value: object) -> str:
    """Raises TypeError if it is not a string, and ValueError if it is not valid Unicode."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a string")
    value.encode()  # a lone surrogate can neither be sent to S3 nor written to the table
    return value


def _comparable(sequencer: str) -> str:
    """Pads the sequencer. S3's are hexadecimal and compare as if right-padded with zeros."""
    return sequencer.upper().ljust(_LONGEST_SEQUENCER, "0") if sequencer else ""
