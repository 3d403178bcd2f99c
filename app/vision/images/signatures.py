"""Recognises a file by its first bytes."""

from collections.abc import Callable

_MOST_BRAND_BYTES = 512


def begins_with(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(prefixes)


def begins_with_brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Whether the first box (`ftyp`) of an ISO base media file has one of these brands."""
    wanted = frozenset(brands)

    def begins(data: bytes) -> bool:
        if data[4:8] != b"ftyp":
            return False
        end = min(int.from_bytes(data[:4], "big"), _MOST_BRAND_BYTES)
        found = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
        return not wanted.isdisjoint(found)

    return begins
