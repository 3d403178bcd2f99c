"""The SHA-256 of a model's file, computed on first use."""

import hashlib
import logging
import os
from mmap import ACCESS_READ, mmap
from pathlib import Path
from threading import Lock

from app.errors import StartError

_log = logging.getLogger("spotter.model")


class FileHash:
    """SHA-256 of the file opened here, even if its path is replaced later.

    If the opened file itself is overwritten before the hash is computed, the hash is that of the
    new content, and a warning is logged.
    """

    def __init__(self, path: Path) -> None:
        """Raises StartError if the file cannot be read."""
        self._file = -1
        self._lock = Lock()
        self._sha256 = ""
        try:
            self._file = os.open(path, os.O_RDONLY)
            os.pread(self._file, 1, 0)  # opening a directory succeeds, but reading it fails
            self._modified_ns = os.fstat(self._file).st_mtime_ns
        except OSError as error:
            raise StartError(f"The model {path} cannot be read: {error.strerror}.") from error

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    def content(self) -> mmap | bytes:
        """The file's content, memory-mapped instead of read."""
        empty = not os.fstat(self._file).st_size  # an empty file cannot be mapped
        return b"" if empty else mmap(self._file, 0, access=ACCESS_READ)

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        with self._lock:
            if not self._sha256:
                with os.fdopen(os.dup(self._file), "rb") as file:
                    file.seek(0)
                    self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                if os.fstat(self._file).st_mtime_ns != self._modified_ns:
                    _log.warning("the model's file was overwritten: its hash is of the new content")
            return self._sha256
