"""Keeps an object's rows consistent with the bucket.

A notice only triggers a look at the bucket, because notices arrive late, twice and in any order.
The table is written first, and then the bucket is looked at again. So if the object was changed or
deleted meanwhile, either this worker sees it, or the worker that gets the notice of that change
sees what this one has written.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from app.cloud.dynamodb import Outdated
from app.cloud.s3 import Storage, StoredObject
from app.errors import (
    ImageTooLarge,
    InvalidImage,
    InvalidImageFormat,
    ObjectMissing,
)
from app.events.bus import Bus
from app.events.notice import Notice
from app.events.row import (
    ANNOTATED,
    ANNOUNCED,
    DETECTIONS,
    ETAG,
    INDEXED,
    MODEL,
    SEQUENCER,
    SORT_KEY,
    STATUS,
    Row,
    annotated,
    expiry,
    row_key,
    unreadable,
)
from app.events.table import Table
from app.vision.detections import Options
from app.vision.detector import Detector

Rows = dict[str, Row]
"""The rows of one object, by version."""
Read = tuple[StoredObject, bytes]
"""An object and its bytes, which have been read already."""
Looked = tuple[StoredObject | None, StoredObject | None]
"""The object's current version in the bucket, and the version that the notice is about."""
Settled = tuple["Outcome", bool]
"""The outcome, and whether anything was written."""

_MOST_LOOKS = 8
"""Every look after the first one means that another worker wrote or that the object changed."""


class Outcome(Enum):
    ANNOTATED = "annotated"
    UNREADABLE = "unreadable"
    KNOWN = "known"
    """The row already exists, from this notice or a newer one."""
    MISSING = "missing"
    """The object was deleted meanwhile, and there is no row of it."""
    REMOVED = "removed"
    """The object was deleted, and so was its row."""


class Unsettled(Exception):
    """An object keeps changing while it is annotated. Try again later."""


@dataclass(frozen=True)
class Annotator:
    """Safe to use from several threads at once."""

    detector: Detector
    storage: Storage
    table: Table
    bus: Bus | None
    options: Options
    ttl_days: int = 0

    def annotate(self, notice: Notice) -> Outcome:
        """Brings the rows of the notice's object up to date.

        Raises if a retry may succeed. A retry does not repeat the completed steps.
        """
        outcome = None
        for _ in range(_MOST_LOOKS):
            rows = {row[SORT_KEY]: row for row in self.table.rows_of(notice.object_name)}
            # If the object has no row and was not deleted, its bytes will be needed.
            read = None
            if not rows and not notice.removed:
                read = self.storage.look_up_and_read(notice.bucket, notice.key)
            looked = self._look(notice, read[0] if read else None)
            try:
                seen, has_written = self._settle(notice, looked, rows, read)
            except (Outdated, ObjectMissing):  # a row or the object has changed since
                continue
            if outcome is None or has_written:
                outcome = seen
            if not has_written or self._look(notice) == looked:
                self._announce(rows)
                return outcome
        raise Unsettled(f"{notice.object_name} keeps changing. Try again later.")

    def _settle(self, notice: Notice, looked: Looked, rows: Rows, read: Read | None) -> Settled:
        """Writes the differences between ``rows`` and the bucket.

        Raises Outdated or ObjectMissing if the table or the bucket has changed meanwhile.
        """
        current, about = looked
        if current is None:
            for row in rows.values():
                self.table.remove(row)
            settled = Outcome.REMOVED if rows else Outcome.MISSING, bool(rows)
            rows.clear()
            return settled
        has_cleared = self._clear(notice, current, about, rows)
        if about is None and not notice.removed:
            return (Outcome.REMOVED if has_cleared else Outcome.MISSING), has_cleared
        # If a version was deleted, another one may be current now.
        outcome, has_written = self._record(notice, about or current, current, rows, read)
        return outcome, has_cleared or has_written

    def _clear(
        self, notice: Notice, current: StoredObject, about: StoredObject | None, rows: Rows
    ) -> bool:
        """Deletes the rows of deleted objects and hides those of replaced ones.

        Returns whether there were any.
        """
        kept = {row_key(stored)[SORT_KEY] for stored in (current, about) if stored}
        has_written = False
        for version in rows.keys() - kept:
            row = rows[version]
            is_overwritten = current.version is None and version == row[ETAG]
            if is_overwritten or version == notice.version:
                self.table.remove(rows.pop(version))
            elif INDEXED in row:
                self.table.hide(row)
            else:
                continue
            has_written = True
        return has_written

    def _record(
        self,
        notice: Notice,
        stored: StoredObject,
        current: StoredObject,
        rows: Rows,
        read: Read | None,
    ) -> Settled:
        """Writes the row of ``stored`` unless it is known; only the current one is searchable."""
        version = row_key(stored)[SORT_KEY]
        row = rows.get(version)
        is_current = stored == current
        if row is not None and self._knows(row, notice):
            if row[STATUS] != ANNOTATED or is_current == (INDEXED in row):
                return Outcome.KNOWN, False
            (self.table.show if is_current else self.table.hide)(row)
            return Outcome.KNOWN, True
        new = self._look_at(stored, read) | expiry(datetime.now(UTC), self.ttl_days)
        new[SEQUENCER] = max(notice.sequencer, row[SEQUENCER] if row else "")
        self.table.replace(row, new, searchable=is_current and new[STATUS] == ANNOTATED)
        rows[version] = new
        return Outcome(new[STATUS]), True

    def _knows(self, row: Row, notice: Notice) -> bool:
        if notice.stale and row[MODEL] != self.detector.model.sha256:
            return False
        return notice.removed or row[SEQUENCER] >= notice.sequencer

    def _look(self, notice: Notice, current: StoredObject | None = None) -> Looked:
        """``current`` is given if it has been looked up already."""
        current = current or self._look_up(notice)
        if current is None or notice.is_about(current):
            return current, current
        return current, self._look_up(notice, notice.version)

    def _look_up(self, notice: Notice, version: str | None = None) -> StoredObject | None:
        """Returns None if there is no such object, or if a delete marker hides it."""
        try:
            return self.storage.look_up(notice.bucket, notice.key, version)
        except ObjectMissing:
            return None

    def _look_at(self, stored: StoredObject, read: Read | None) -> Row:
        try:
            image = read[1] if read and read[0] == stored else self.storage.read(stored)
            found = self.detector.detect(image, self.options)
        except (InvalidImage, InvalidImageFormat, ImageTooLarge) as error:
            return unreadable(stored, error, self.detector)
        return annotated(stored, found, self.detector) | ({ANNOUNCED: False} if self.bus else {})

    def _announce(self, rows: Rows) -> None:
        """Announces first and marks the row afterwards: after a crash in between, it repeats."""
        if self.bus is None:
            return
        for summary in rows.values():
            if summary.get(ANNOUNCED) is False:
                row = summary if DETECTIONS in summary else self.table.find(summary)
                if row is not None:
                    self.bus.announce(row)
                    self.table.mark_announced(row)
