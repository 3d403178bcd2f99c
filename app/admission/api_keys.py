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

    def __bool__(self) -> bool:
        """Whether a key is asked for at all."""
        return bool(self._digests)

    def holder(self, key: bytes | None) -> int | None:
        """Which of the keys it is, counted from 0; None where it is none of them."""
        given = digest(key or b"")
        # Every one is compared, whichever matches: the time tells nothing.
        matches = [hmac.compare_digest(given, one) for one in self._digests]
        return matches.index(True) if any(matches) else None

    def opens(self, key: bytes | None) -> bool:
        """Any key, or none, where the ring is empty."""
        return not self or self.holder(key) is not None
