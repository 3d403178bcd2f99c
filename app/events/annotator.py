"""One object that arrived: found out, recorded once, announced."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from app.cloud.s3 import Storage, StoredObject
from app.errors import (
    ImageTooLarge,
    InvalidImage,
    InvalidImageFormat,
    ObjectMissing,
)
from app.events.bus import Bus
from app.events.notice import Notice
from app.events.row import ANNOUNCED, SEQUENCER, Row, annotated, expiry, row_key, unreadable
from app.events.table import Table
from app.vision.detections import Options
from app.vision.detector import Detector


class Outcome(Enum):
    ANNOTATED = "annotated"
    UNREADABLE = "unreadable"
    KNOWN = "known"
    """Recorded before, of this object or a newer notice of it."""
    MISSING = "missing"
    """The object has been deleted since."""


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
        try:
            stored = self.storage.look_up(notice.bucket, notice.key, notice.version)
        except ObjectMissing:
            return Outcome.MISSING
        known = self.table.find(row_key(stored))
        if known is not None and known[SEQUENCER] >= notice.sequencer:
            self._announce(known)
            return Outcome.KNOWN
        try:
            row = self._look_at(stored)
        except ObjectMissing:
            return Outcome.MISSING
        row |= {SEQUENCER: notice.sequencer, **expiry(datetime.now(UTC), self.ttl_days)}
        if not self.table.put_newer(row):
            return Outcome.KNOWN  # another worker was quicker, and announces it
        self._announce(row)
        return Outcome(row["status"])

    def _look_at(self, stored: StoredObject) -> Row:
        try:
            image = self.storage.read(stored)
            found = self.detector.detect(image, self.options)
        except (InvalidImage, InvalidImageFormat, ImageTooLarge) as error:
            return unreadable(stored, error, self.detector)
        return annotated(stored, found, self.detector) | ({ANNOUNCED: False} if self.bus else {})

    def _announce(self, row: Row) -> None:
        """Written down after it is done: a worker that ends between the two announces it again."""
        if self.bus and row.get(ANNOUNCED) is False:
            self.bus.announce(row)
            self.table.mark_announced(row)
