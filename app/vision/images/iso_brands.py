"""Recognises a format in the container of ISO base media files by the brands of its first box."""

from collections.abc import Callable

_MOST_BYTES = 512


def begins_with_brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Whether the first box (`ftyp`) has one of these brands."""
    wanted = frozenset(brands)

    def begins(data: bytes) -> bool:
        if data[4:8] != b"ftyp":
            return False
        end = min(int.from_bytes(data[:4], "big"), _MOST_BYTES)
        found = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
        return not wanted.isdisjoint(found)

    return begins
