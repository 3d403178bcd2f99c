"""Keeps an object's rows in step with the bucket.

A notice is only the reason to look: notices come late, twice and in any order. The table is written
first and the bucket looked at again afterwards. So if the object has changed or gone meanwhile,
either this worker sees it, or the one who gets that notice sees what this one has written.
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
"""Of one object, by version."""
Read = tuple[StoredObject, bytes]
"""An object and its bytes, if they have been read already."""
Looked = tuple[StoredObject | None, StoredObject | None]
"""What the bucket has of the object now, and of the version that the notice is about."""
Settled = tuple["Outcome", bool]
"""The outcome, and whether anything was written."""

_MOST_LOOKS = 8
"""Each look but the first has seen that another worker wrote, or that the object changed."""


class Outcome(Enum):
    ANNOTATED = "annotated"
    UNREADABLE = "unreadable"
    KNOWN = "known"
    """Recorded before, of this object or a newer notice of it."""
    MISSING = "missing"
    """The object has been deleted since, and there is no row of it."""
    REMOVED = "removed"
    """The object has been deleted, and its row was."""


class Unsettled(Exception):
    """An object changes faster than it can be looked at; a later try will do."""


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
        """Raises where a later try may do better; what it did until then is not done again."""
        outcome = None
        for _ in range(_MOST_LOOKS):
            rows = {row[SORT_KEY]: row for row in self.table.rows_of(notice.object_name)}
            # Of an object without a row the bytes will be needed, unless this is about its end.
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
        raise Unsettled(f"{notice.object_name} changes while it is looked at.")

    def _settle(self, notice: Notice, looked: Looked, rows: Rows, read: Read | None) -> Settled:
        """Writes what differs between ``rows`` and the bucket.

        Raises Outdated or ObjectMissing if either has changed since it was looked at.
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
        # If a version was deleted, another one may be the current one now.
        outcome, has_written = self._record(notice, about or current, current, rows, read)
        return outcome, has_cleared or has_written

    def _clear(
        self, notice: Notice, current: StoredObject, about: StoredObject | None, rows: Rows
    ) -> bool:
        """Deletes rows of what is gone, and hides those of what was replaced.

        Whether there were any.
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
        """Writes the row of ``stored``, unless it is known; searches find the current one only."""
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
        """``current``: if it is known already."""
        current = current or self._look_up(notice)
        if current is None or notice.is_about(current):
            return current, current
        return current, self._look_up(notice, notice.version)

    def _look_up(self, notice: Notice, version: str | None = None) -> StoredObject | None:
        """None if there is no such object, or if it is hidden by the mark of its deletion."""
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
        """Written down after it is done: a worker that ends between the two announces it again."""
        if self.bus is None:
            return
        for summary in rows.values():
            if summary.get(ANNOUNCED) is False:
                row = summary if DETECTIONS in summary else self.table.find(summary)
                if row is not None:
                    self.bus.announce(row)
                    self.table.mark_announced(row)
