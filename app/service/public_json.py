"""Detections in the form of the public JSON."""

from typing import Any

from app.service.alt_text import alt_text
from app.vision.detections import Detections


def render(found: Detections, model: str, *, with_alt_text: bool) -> dict[str, Any]:
    """A DetectionResult, built by hand: validating it again would cost more than NMS."""
    width, height = found.width, found.height
    result: dict[str, Any] = {
        "model": model,
        "image": {"width": width, "height": height},
        "detections": [
            {
                "label": item.label,
                "classId": item.class_id,
                "probability": round(item.probability, 6),
                "boundingBox": [round(value, 2) for value in item.box],
                "normalizedBox": [
                    round(item.box[0] / width, 6),
                    round(item.box[1] / height, 6),
                    round(item.box[2] / width, 6),
                    round(item.box[3] / height, 6),
                ],
            }
            for item in found.items
        ],
    }
    if with_alt_text:
        result["altText"] = alt_text(found)
    return result
