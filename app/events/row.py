"""A row of the table: what is known of one object, or of one version of it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.cloud.s3 import StoredObject
from app.errors import SpotterError
from app.service.public_json import render
from app.vision.detections import Detections
from app.vision.detector import Detector

Row = dict[str, Any]

PARTITION_KEY = "object"
SORT_KEY = "version"
SEQUENCER = "sequencer"
EXPIRES = "expiresAt"
ANNOUNCED = "announced"


def row_key(stored: StoredObject) -> Row:
    return {
        PARTITION_KEY: f"{stored.bucket}#{stored.key}",
        SORT_KEY: stored.version or stored.etag,
    }


def annotated(stored: StoredObject, found: Detections, detector: Detector) -> Row:
    result = render(found, detector.name, with_alt_text=True)
    named = [*result.get("classifications", ()), *result["detections"]]
    labels = dict.fromkeys(one["label"] for one in named)
    return {
        **_common(stored, detector),
        "status": "annotated",
        "labels": list(labels),
        **_with_decimals(result),
    }


def unreadable(stored: StoredObject, error: SpotterError, detector: Detector) -> Row:
    return {
        **_common(stored, detector),
        "status": "unreadable",
        "model": detector.name,
        "error": {"code": error.code, "detail": error.detail},
    }


def expiry(now: datetime, days: int) -> Row:
    """Nothing for 0 days: the row stays."""
    return {EXPIRES: int((now + timedelta(days=days)).timestamp())} if days else {}


def _common(stored: StoredObject, detector: Detector) -> Row:
    return {
        **row_key(stored),
        "bucket": stored.bucket,
        "key": stored.key,
        "etag": stored.etag,
        "size": stored.size,
        "modelSha256": detector.model.sha256,
        "detectedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def _with_decimals(result: Mapping[str, Any]) -> Row:
    """DynamoDB takes no floats."""
    row: Row = json.loads(json.dumps(result), parse_float=Decimal)
    return row
