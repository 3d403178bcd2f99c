"""Assembles the event pipeline from the settings."""

from app.cloud.s3 import Storage
from app.errors import StartError
from app.events.annotator import Annotator
from app.events.bus import Bus
from app.events.table import Table
from app.settings import Settings
from app.vision.detector import Detector


def create_annotator(settings: Settings, detector: Detector) -> Annotator:
    """Raises StartError. Any bucket may be read: its owner has configured the notices."""
    if not settings.table:
        raise StartError("SPOTTER_TABLE has to name the DynamoDB table that takes the results.")
    return Annotator(
        detector,
        Storage(settings.max_body_bytes, direct=True),
        Table(settings.table),
        Bus(settings.event_bus) if settings.event_bus else None,
        detector.options(settings.confidence, settings.iou, settings.max_detections),
        settings.ttl_days,
    )
