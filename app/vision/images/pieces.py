"""Counts how often a decoder reads from a file: chunks, segments and blocks are read one by one."""

import io

from app.errors import InvalidImage


class Pieces(io.BytesIO):
    """A file in memory; ``read`` raises InvalidImage when called more than ``most_reads`` times."""

    def __init__(self, data: bytes, most_reads: int) -> None:
        super().__init__(data)
        self._reads_left = most_reads

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise cut_too_small()
        return super().read(size)


def cut_too_small() -> InvalidImage:
    return InvalidImage("The image is cut into too many small pieces to be read.")
