"""API keys, kept as digests and compared in constant time."""

import hashlib
import hmac
from collections.abc import Iterable


def _digest(key: bytes) -> bytes:
    """SHA-256 of a key's bytes as sent: clients encode it in UTF-8 or in Latin-1."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        text = key.decode("latin-1")
    return hashlib.sha256(text.encode()).digest()


class KeyRing:
    def __init__(self, keys: Iterable[bytes]) -> None:
        self._digests = [_digest(key) for key in keys]

    def holder(self, key: bytes | None) -> int | None:
        """The index of the key in the ring; None if the key is not in it."""
        given = _digest(key or b"")
        # Every key is compared, so that the time taken reveals nothing.
        matches = [hmac.compare_digest(given, one) for one in self._digests]
        return matches.index(True) if any(matches) else None
