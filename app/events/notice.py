"""What S3 tells of an object that arrived or went, in each of the forms that it tells it in."""

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
"""S3 sends one a message. Thousands would use up the time of the other messages of a batch."""
_LONGEST_REASON = 200
STALE = "ObjectCreated:Stale"
"""The event that ``backfill --stale --enqueue`` sends: look again at what another model saw."""
_NO_VERSION = "null"
_REMOVALS = ("ObjectRemoved:", "LifecycleExpiration:")
_EVENT_BRIDGE_TYPES = {"Object Created": False, "Object Deleted": True}
"""Whether an event of the type tells of a removal."""


@dataclass(frozen=True)
class Notice:
    bucket: str
    key: str
    version: str | None = None
    sequencer: str = ""
    """Of two notices of one key the one with the greater string is newer."""
    removed: bool = False
    """The object or its version was deleted, or hidden by the mark of a deletion."""
    stale: bool = False
    """A row that another model made is to be made anew."""

    @property
    def object_name(self) -> str:
        return object_name(self.bucket, self.key)

    def is_about(self, current: StoredObject) -> bool:
        """Whether it tells of the version that the bucket has now."""
        return self.version in (None, current.version or _NO_VERSION)


def notices(event: Mapping[str, Any]) -> Iterator[Notice]:
    """The objects that arrived or went, as S3 itself, EventBridge or SNS tells in ``event``.

    Raises NotUnderstood, whatever is wrong with the event.
    """
    try:
        for inner in opened(event):
            # S3 consoles write a folder as an object whose key ends in a slash.
            yield from (notice for notice in _found(inner) if not notice.key.endswith("/"))
    except NotUnderstood:
        raise
    except Exception as error:  # whoever may send to the queue may send any JSON
        reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
        raise NotUnderstood(f"an event of S3 that is not as S3 writes it ({reason})") from error


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
    """Here keys are not encoded."""
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
    """Raises TypeError for anything but a string, and ValueError for one that is no Unicode."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a string belongs")
    value.encode()  # half of a surrogate pair cannot be sent to S3, nor written into the table
    return value


def _comparable(sequencer: str) -> str:
    """S3's are hexadecimal, of different lengths, and compared as if filled up on the right."""
    return sequencer.upper().ljust(_LONGEST_SEQUENCER, "0") if sequencer else ""
