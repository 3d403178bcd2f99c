"""DetectCustomLabels of Amazon Rekognition, which calls users' own models."""

from functools import partial

from fastapi import Request

from app.http import inference
from app.http.middleware.request_record import record_of
from app.http.routes.detect_labels import fetch_stored
from app.http.routes.project_versions import versions_of
from app.rekognition.custom_labels import DetectCustomLabelsRequest, custom_labels
from app.rekognition.labels import Json
from app.rekognition.shapes import read_with_image
from app.service.service import Service


async def run(request: Request, service: Service, body: bytes) -> Json:
    """Returns the answer. Raises SpotterError."""
    read = partial(read_with_image, DetectCustomLabelsRequest, body)
    wanted, image = await inference.run_in_thread(service, len(body), read)
    del body, read
    record_of(request).project_version = wanted.ProjectVersionArn
    versions_of(request, service).require_running(wanted.ProjectVersionArn)
    if image is None:
        image = await fetch_stored(request, service, wanted.Image.S3Object)
    settings = service.settings
    given = wanted.MinConfidence
    options = service.detector.options(
        settings.confidence if given is None else given / 100, settings.iou, settings.max_detections
    )
    found = await inference.detect(request, service, image, options)
    return {"CustomLabels": custom_labels(found, wanted.MaxResults)}
