"""Bounds on how often a file is read from: chunks, segments and blocks are read one by one."""

import io

from app.errors import InvalidImage

_MOST_READS = 500_000
"""Half a second. A PNG of 20 MiB in the usual chunks takes some 10,000, a JPEG fewer than 200."""


class Pieces(io.BytesIO):
    """``read`` raises InvalidImage when it has been called too often."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MOST_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise InvalidImage("The image is cut into too many small pieces to be read.")
        return super().read(size)
