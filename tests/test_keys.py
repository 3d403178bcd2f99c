"""API keys: which open, and that they are not kept."""

import pytest

from app.keys import KeyRing


@pytest.mark.parametrize("key", [None, "", "anything"])
def test_without_keys_anybody_may_come_in(key: str | None) -> None:
    assert KeyRing(()).opens(key)


@pytest.mark.parametrize("key", ["first", "second", "schlüssel", "\udce4"])
def test_each_of_the_keys_opens(key: str) -> None:
    assert KeyRing(("first", "second", "schlüssel", "\udce4")).opens(key)


@pytest.mark.parametrize("key", [None, "", "third", "firs", "first ", "FIRST", "first,second"])
def test_nothing_else_does(key: str | None) -> None:
    assert not KeyRing(("first", "second")).opens(key)


def test_the_keys_themselves_are_not_kept() -> None:
    assert "s3cret" not in repr(vars(KeyRing(("s3cret",))))
