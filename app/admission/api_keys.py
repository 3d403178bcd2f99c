"""API keys, kept as digests and compared in constant time."""

import hashlib
import hmac


def digest(key: bytes) -> bytes:
    """SHA-256 of a key as it was sent: the same in UTF-8 and in Latin-1, as clients differ."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        text = key.decode("latin-1")
    return hashlib.sha256(text.encode()).digest()


class KeyRing:
    def __init__(self, digests: tuple[bytes, ...]) -> None:
        self._digests = digests

    def holder(self, key: bytes | None) -> int | None:
        """The index of the key in the ring; None if it is none of them."""
        given = digest(key or b"")
        # All are compared, whichever matches, so that the time tells nothing.
        matches = [hmac.compare_digest(given, one) for one in self._digests]
        return matches.index(True) if any(matches) else None
