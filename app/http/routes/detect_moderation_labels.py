"""DetectModerationLabels of Amazon Rekognition, for moderation models."""

from functools import cache, partial
from pathlib import Path

from fastapi import Request

from app.http import inference
from app.http.routes.detect_labels import fetch_stored, model_version
from app.rekognition.errors import ResourceNotFoundException
from app.rekognition.labels import Json
from app.rekognition.moderation_labels import DetectModerationLabelsRequest, moderation_labels
from app.rekognition.moderation_table import ModerationTable
from app.rekognition.shapes import read_with_image
from app.service.service import Service


async def run(request: Request, service: Service, body: bytes) -> Json:
    """Returns the answer. Raises SpotterError."""
    settings = service.settings
    if settings.moderation is None:
        raise ResourceNotFoundException(
            "This server has no table of moderation labels. Serve a moderation model, and set"
            " SPOTTER_MODERATION to the table that maps its labels (docs/migration.md)."
        )
    read = partial(read_with_image, DetectModerationLabelsRequest, body)
    wanted, image = await inference.run_in_thread(service, len(body), read)
    del body, read
    if image is None:
        image = await fetch_stored(request, service, wanted.Image.S3Object)
    options = service.detector.options(
        wanted.MinConfidence / 100, settings.iou, settings.max_detections
    )
    found = await inference.detect(request, service, image, options)
    return {
        **moderation_labels(found, table(settings.moderation)),
        "ModerationModelVersion": model_version(service),
    }


@cache
def table(path: Path) -> ModerationTable:
    """Raises StartError if the file cannot be used."""
    return ModerationTable.load(path)
