"""The SHA-256 of a model's file, which no first answer has to wait for."""

import hashlib
import logging
import os
from pathlib import Path
from threading import Lock

from app.errors import StartError

_log = logging.getLogger("spotter.model")


class Digest:
    """Of the file that had the name when this was made, whichever has it by now.

    Where that was written over before the hash was taken, it is the new content's; the log says so.
    """

    def __init__(self, path: Path) -> None:
        """Raises StartError where the file cannot be read."""
        self.file = -1
        self._lock = Lock()
        self._sha256 = ""
        try:
            self.file = os.open(path, os.O_RDONLY)
            os.pread(self.file, 1, 0)  # a directory can be opened, too
            self._written = os.fstat(self.file).st_mtime_ns
        except OSError as error:
            raise StartError(f"The model {path} cannot be read: {error.strerror}.") from error

    def __del__(self) -> None:
        if self.file >= 0:
            os.close(self.file)

    @property
    def sha256(self) -> str:
        """In hexadecimal; taken when first asked for."""
        with self._lock:
            if not self._sha256:
                with os.fdopen(os.dup(self.file), "rb") as file:
                    file.seek(0)
                    self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                if os.fstat(self.file).st_mtime_ns != self._written:
                    _log.warning("the model's file was written over: its hash is the new one's")
            return self._sha256
