"""A file as a decoder reads it: how often is bounded, and what does not matter is stepped over."""

import io
from collections.abc import Mapping

from app.errors import InvalidImage


class Pieces(io.BytesIO):
    """A file in memory; ``read`` raises InvalidImage when called more than ``most_reads`` times.

    Chunks, segments and blocks are read one by one. A read that begins at a key of ``skips``
    begins at its value.
    """

    def __init__(
        self, data: bytes, most_reads: int, skips: Mapping[int, int] | None = None
    ) -> None:
        super().__init__(data)
        self._skips = skips or {}
        self._reads_left = most_reads

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise cut_too_small()
        at = self.tell()
        if at in self._skips:
            while at in self._skips:
                at = self._skips[at]
            self.seek(at)
        return super().read(size)


def cut_too_small() -> InvalidImage:
    return InvalidImage("The image is cut into too many small pieces to be read.")
