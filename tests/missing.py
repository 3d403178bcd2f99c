"""Programs and packages that a laptop may lack, and CI may not."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skips the test, or fails it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}.")
    pytest.skip(f"{what}.")
