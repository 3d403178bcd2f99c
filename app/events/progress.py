"""The progress of a backfill in a file, from which the next run continues."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.errors import StartError


@dataclass
class Progress:
    source: str
    """s3://bucket/prefix."""
    after: str = ""
    """Every key up to this one, in the order of S3, has been tried."""
    failed: list[str] = field(default_factory=list)
    file: Path | None = None

    @classmethod
    def load(cls, source: str, file: Path | None) -> Self:
        """Raises StartError if the file belongs to another source or is not a progress file."""
        if file is None or not file.exists():
            return cls(source, file=file)
        try:
            kept = json.loads(file.read_text())
            progress = cls(kept["source"], kept["after"], kept["failed"], file)
        except (ValueError, KeyError, TypeError) as error:
            raise StartError(f"{file} is not the progress of a backfill.") from error
        if progress.source != source:
            raise StartError(f"{file} is the progress of {progress.source}, not of {source}.")
        return progress

    def note(self, key: str, *, failed: bool) -> None:
        """Records a key. First come those that failed before, then the others in S3's order."""
        self.after = max(self.after, key)
        if failed and key not in self.failed:
            self.failed.append(key)
        elif not failed and key in self.failed:
            self.failed.remove(key)

    def save(self) -> None:
        """Writes the file atomically, so that a killed run leaves a complete one."""
        if self.file is None:
            return
        kept = {"source": self.source, "after": self.after, "failed": self.failed}
        scratch = self.file.with_name(self.file.name + ".new")
        scratch.write_text(json.dumps(kept))
        scratch.replace(self.file)
