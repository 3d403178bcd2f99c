"""SnapStart: hooks that run before the snapshot of an environment and after it is restored.

Many environments start from one snapshot. None may inherit a connection or the state of a
pseudo-random generator.
"""

import asyncio
import os
import random
from collections.abc import Callable

from app.cloud.boto_client import Connection


def register(warm_up: Callable[[], object], *connections: Connection | None) -> None:
    """Registers the hooks; ``warm_up`` runs before the snapshot. Does nothing without SnapStart."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    register_before_snapshot(before_snapshot, warm_up, *connections)
    register_after_restore(after_restore)


def before_snapshot(warm_up: Callable[[], object], *connections: Connection | None) -> None:
    warm_up()
    for connection in filter(None, connections):
        connection.drop()
    asyncio.get_event_loop().close()  # it holds a socket pair for wake-ups


def after_restore() -> None:
    random.seed()
    asyncio.set_event_loop(asyncio.new_event_loop())
