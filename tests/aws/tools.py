"""Programs that tests need and a laptop may not have."""

import shutil
from pathlib import Path

from tests.missing import missing
from tests.server import REPOSITORY


def require(name: str) -> Path:
    """Its path. Without it CI fails; elsewhere the test is skipped."""
    local = REPOSITORY / "deploy" / "node_modules" / ".bin" / name
    found = str(local) if local.exists() else shutil.which(name)
    if found is None:
        missing(f"{name} is not installed")
    return Path(found)
