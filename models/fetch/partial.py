"""The part of a file downloaded so far, kept for the next attempt."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from models.common.commands import CommandError


class Partial:
    """The bytes received so far, and the ETag of their version.

    The file name has the checksum, so that another address of the same file resumes the download.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._file = file
        self._version = path.with_suffix(".etag")

    @property
    def etag(self) -> str | None:
        """ETag of the response that the bytes came from; None if it had no strong one."""
        return self._version.read_text("utf-8") if self._version.is_file() else None

    @etag.setter
    def etag(self, value: str | None) -> None:
        if value and value.startswith('"'):
            self._version.write_text(value, "utf-8")
        else:
            self._version.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            written = self._file.write(rest)
            self.size += written
            rest = rest[written:]

    def clear(self) -> None:
        if self.size:
            self._file.truncate(0)
        self.size = 0
        self.etag = None

    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._version.unlink(missing_ok=True)


@contextmanager
def reserve(out: Path, sha256: str) -> Iterator[Partial]:
    """Locks the partial file of ``out`` for this process; keeps it afterwards unless it is empty.

    Raises CommandError if another process has locked it.
    """
    path = out.with_name(f".{out.stem}.{sha256[:16]}.part")
    with FileIO(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(f"{out} is being fetched by another command.") from error
        partial = Partial(path, file)
        try:
            yield partial
        finally:
            if not partial.size:
                partial.remove()
