"""Where real models and photos lie, which not every clone has beside it."""

import os
from pathlib import Path

from tests.server import REPOSITORY

NONE = "none"
"""Value of ``SPOTTER_SHARED`` to test as in a clone with nothing beside it."""
SHARED = Path(os.environ.get("SPOTTER_SHARED") or REPOSITORY.parent / "shared")
THERE = SHARED.is_dir() and str(SHARED) != NONE
NO_SHARED = (
    "needs real models and photos, which are not there:"
    " tests/README.md says which, and where they go"
)
"""Why a test is skipped without them."""
