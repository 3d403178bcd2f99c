"""API keys: which open, whose they are, and that they are not kept."""

import pytest

from app.admission.api_keys import KeyRing

RING = KeyRing((b"first", b"second", "schlüssel".encode()))


@pytest.mark.parametrize(
    ("key", "holder"),
    [(b"first", 0), (b"second", 1), ("schlüssel".encode(), 2), ("schlüssel".encode("latin-1"), 2)],
)
def test_each_of_the_keys_has_its_holder_in_either_encoding(key: bytes, holder: int) -> None:
    assert RING.holder(key) == holder


@pytest.mark.parametrize(
    "key", [None, b"", b"third", b"firs", b"first ", b"FIRST", b"first,second", b"\xe4"]
)
def test_nothing_else_does(key: bytes | None) -> None:
    assert RING.holder(key) is None
