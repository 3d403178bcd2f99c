"""Programs that tests need and a laptop may not have."""

import os
import shutil
from pathlib import Path

import pytest

from tests.server import REPOSITORY


def require(name: str) -> Path:
    """Its path. Without it CI fails; elsewhere the test is skipped."""
    local = REPOSITORY / "deploy" / "node_modules" / ".bin" / name
    found = str(local) if local.exists() else shutil.which(name)
    if found is None:
        reason = f"{name} is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(found)
