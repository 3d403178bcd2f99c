"""DetectModerationLabels: its request, and detections as moderation labels."""

from typing import Annotated

from pydantic import Field

from app.rekognition.labels import Json
from app.rekognition.moderation_table import ModerationTable, Row
from app.rekognition.shapes import ImageRequest
from app.vision.detections import Detections


class DetectModerationLabelsRequest(ImageRequest):
    """``HumanLoopConfig`` and ``ProjectVersion`` are ignored."""

    MinConfidence: Annotated[float, Field(ge=0, le=100)] = 50


def moderation_labels(found: Detections, table: ModerationTable) -> Json:
    """``ModerationLabels`` and ``ContentTypes``, most confident first.

    A parent precedes its children and is as confident as the most confident of them.
    """
    confidences: dict[Row, float] = {}
    for one in (*found.items, *(found.classifications or ())):
        row = table.of_label(one.label)
        for each in table.with_parents(row) if row else ():
            confidences[each] = max(confidences.get(each, 0.0), one.probability)
    ranked = sorted(confidences, key=lambda row: (-confidences[row], row.level or 0, row.name))
    told = {row: round(confidences[row] * 100, 4) for row in ranked}
    return {
        "ModerationLabels": [
            {
                "Confidence": told[row],
                "Name": row.name,
                "ParentName": row.parent,
                "TaxonomyLevel": row.level,
            }
            for row in ranked
            if row.level
        ],
        "ContentTypes": [
            {"Confidence": told[row], "Name": row.name} for row in ranked if not row.level
        ],
    }
