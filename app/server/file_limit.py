"""How many connections the process may hold: fewer than the files that it may open."""

import resource
from contextlib import suppress

MOST_CONNECTIONS = 1000
_RESERVED_FILES = 100
"""For the model, logs, S3, and connections that have been accepted and are not counted yet."""


def raise_file_limit() -> int:
    """Raises the soft limit of open files to the hard one. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS has a lower limit of its own
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def most_connections(files: int) -> int:
    """``files``: the limit of open files."""
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(files - _RESERVED_FILES, files // 2))
