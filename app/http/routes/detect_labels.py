"""DetectLabels of Amazon Rekognition."""

from functools import cache, partial
from pathlib import Path

from fastapi import Request

from app.http import inference
from app.rekognition.confidence import Scale
from app.rekognition.labels import Json, labels
from app.rekognition.request import DetectLabelsRequest, Feature
from app.rekognition.shapes import StoredImage, read_with_image
from app.rekognition.taxonomy import Taxonomy
from app.service.service import Service


async def run(request: Request, service: Service, body: bytes) -> Json:
    """Returns the answer. Raises SpotterError."""
    read = partial(read_with_image, DetectLabelsRequest, body)
    wanted, image = await inference.run_in_thread(service, len(body), read)
    del body, read
    if image is None:
        image = await fetch_stored(request, service, wanted.Image.S3Object)
    return await _detect_labels(request, service, wanted, image)


async def fetch_stored(request: Request, service: Service, stored: StoredImage | None) -> bytes:
    """Raises what ``inference.fetch`` raises."""
    assert stored is not None
    return await inference.fetch(request, service, stored.Bucket, stored.Name, stored.Version)


async def _detect_labels(
    request: Request, service: Service, wanted: DetectLabelsRequest, image: bytes
) -> Json:
    settings = service.settings
    scale = Scale(settings.rekognition_confidence)
    options = service.detector.options(
        scale.probability(wanted.min_confidence), settings.iou, settings.max_detections
    )
    found = await inference.detect(request, service, image, options)
    scaled = f"-scaled{scale}" if scale.points else ""
    answer: Json = {"Labels": [], "LabelModelVersion": f"{model_version(service)}{scaled}"}
    colours = None
    if Feature.IMAGE_PROPERTIES in wanted.features:
        from app.rekognition.properties import measure

        job = partial(measure, service.detector, image, found, wanted.max_dominant_colors)
        properties = await inference.cancel_on_disconnect(request, service.pool.run(job))
        answer["ImageProperties"] = properties.image
        colours = properties.instances
    if Feature.GENERAL_LABELS in wanted.features:
        answer["Labels"] = labels(found, taxonomy(settings.taxonomy), wanted, colours, scale)
    return answer


@cache
def taxonomy(extension: Path | None) -> Taxonomy:
    """Raises StartError if ``extension`` cannot be used."""
    return Taxonomy.load(extension)


def model_version(service: Service) -> str:
    """A version that changes with the model, and so with its labels."""
    return f"{service.detector.name}-{service.detector.model.sha256[:12]}"
