"""The SHA-256 of a model's file, which no first answer has to wait for."""

import hashlib
import os
from pathlib import Path
from threading import Lock

from app.errors import StartError


class Digest:
    """Of the file that had the name when this was made, whichever has it by now."""

    def __init__(self, path: Path) -> None:
        """Raises StartError where the file cannot be read."""
        self.file = -1
        self._lock = Lock()
        self._sha256 = ""
        try:
            self.file = os.open(path, os.O_RDONLY)
            os.pread(self.file, 1, 0)  # a directory can be opened, too
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
            return self._sha256
