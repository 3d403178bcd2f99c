"""DetectCustomLabels: its request, and detections as custom labels."""

from typing import Annotated

from pydantic import Field

from app.rekognition.labels import Json, bounding_box
from app.rekognition.project_versions import VersionArn
from app.rekognition.shapes import ImageRequest
from app.vision.detections import Detections


class DetectCustomLabelsRequest(ImageRequest):
    ProjectVersionArn: VersionArn
    MaxResults: Annotated[int, Field(ge=0)] | None = None
    MinConfidence: Annotated[float, Field(ge=0, le=100)] | None = None


def custom_labels(found: Detections, most: int | None) -> list[Json]:
    """One label for each object, with the model's own name; most confident first.

    Labels of the whole picture have no geometry.
    """
    whole = [_label(*one) for one in found.classifications or ()]
    objects = [
        {
            **_label(item.label, item.class_id, item.probability),
            "Geometry": {"BoundingBox": bounding_box(item, found)},
        }
        for item in found.items
    ]
    return [*whole, *objects][:most]


def _label(label: str, class_id: int, probability: float) -> Json:
    return {"Name": label, "Confidence": round(probability * 100, 4)}
