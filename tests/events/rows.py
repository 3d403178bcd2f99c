"""Rows as the annotator writes them, with labels of the test's choice."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.events.row import new_revision
from app.events.table import Table


def made_row(key: str, labels: Mapping[str, float], **members: Any) -> dict[str, Any]:
    ranked = sorted(labels.items(), key=lambda pair: -pair[1])
    return {
        "object": f"photos#{key}",
        "version": f"etag-{key}",
        "etag": f"etag-{key}",
        "bucket": "photos",
        "key": key,
        "status": "annotated",
        "sequencer": "",
        "revision": new_revision(),
        "model": "scripted",
        "modelSha256": "ab" * 32,
        "detectedAt": "2026-01-01T00:00:00.000Z",
        "altText": f"About {key}.",
        "labels": [label for label, _ in ranked],
        "detections": [
            {"label": label, "probability": Decimal(f"{probability:.6f}")}
            for label, probability in ranked
        ],
        **members,
    }


def add(table: Table, key: str, labels: Mapping[str, float], **members: Any) -> dict[str, Any]:
    row = made_row(key, labels, **members)
    table.replace(None, row, searchable=True)
    return row


def indexed(items: list[dict[str, Any]]) -> set[tuple[str, str, float]]:
    """Key, label and probability of each index item."""
    return {(item["key"], item["label"], float(item["probability"])) for item in items}
