"""Tests that need torch are collected only if it is installed, or if they are asked for."""

from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
NEEDS_TORCH = (FOLDER / "train", FOLDER / "export" / "test_with_torch.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked_for = config.getoption("markexpr") == "kit"
    if asked_for or find_spec("torch") is not None:
        return None
    return True if collection_path in NEEDS_TORCH else None
