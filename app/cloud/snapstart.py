"""SnapStart: what happens before the memory of an environment is frozen and after it is thawed.

Many environments go on from one snapshot. None may inherit a connection or the state of a
pseudo-random generator; what the first request would have to load is loaded before.
"""

import asyncio
import os
import random

from app.cloud.boto_client import Connection
from app.vision.detections import Options
from app.vision.detector import Detector

_WARM_UP_SIDE = 640


def is_awaited() -> bool:
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def register(detector: Detector, *connections: Connection | None) -> None:
    """Does nothing where there is no SnapStart."""
    if not is_awaited():
        return
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    register_before_snapshot(before_snapshot, detector, *connections)
    register_after_restore(after_restore)


def before_snapshot(detector: Detector, *connections: Connection | None) -> None:
    detector.detect(_sample_image(), Options())
    _ = detector.model.sha256
    for connection in filter(None, connections):
        connection.drop()
    asyncio.get_event_loop().close()  # its wake-up is a pair of sockets


def after_restore() -> None:
    random.seed()
    asyncio.set_event_loop(asyncio.new_event_loop())


def _sample_image() -> bytes:
    """A gray JPEG, the format of most photos: its decoder is loaded on the way."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (_WARM_UP_SIDE, _WARM_UP_SIDE), "gray").save(buffer, "JPEG")
    return buffer.getvalue()
