"""A row of the table: what is known of one object, or of one version of it."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.cloud.s3 import StoredObject
from app.errors import SpotterError
from app.search import keys
from app.service.public_json import render
from app.vision.detections import Detections
from app.vision.detector import Detector

Row = dict[str, Any]

PARTITION_KEY = keys.PARTITION_KEY
SORT_KEY = keys.SORT_KEY
SEQUENCER = "sequencer"
EXPIRES = "expiresAt"
ANNOUNCED = "announced"
REVISION = "revision"
"""Another one with each write, by which a worker sees that another has written since."""
INDEXED = "indexed"
"""The labels that have an index item, with their probabilities; no such attribute: no items."""
STATUS = "status"
ANNOTATED = "annotated"
MODEL = "modelSha256"
ETAG = "etag"
DETECTIONS = "detections"
SUMMARY = (
    *(PARTITION_KEY, SORT_KEY, SEQUENCER, REVISION, INDEXED, ANNOUNCED, STATUS, MODEL, ETAG),
)
"""What has to be known of a row to replace or delete it."""

_MOST_BYTES = 380_000
"""Of JSON, which is longer than what DynamoDB counts, of which an item may have 400 KB."""
_REPEATED = 3
"""A label is in the detections, the list of labels, the index and the text."""
_SHORT_TEXT = 1000  # characters


def object_name(bucket: str, key: str) -> str:
    return f"{bucket}#{key}"


def row_key(stored: StoredObject) -> Row:
    return {
        PARTITION_KEY: object_name(stored.bucket, stored.key),
        SORT_KEY: stored.version or stored.etag,
    }


def new_revision() -> str:
    return uuid.uuid4().hex


def annotated(stored: StoredObject, found: Detections, detector: Detector) -> Row:
    """If ``found`` does not fit into an item, the row is without the least probable objects."""
    result = render(found, detector.name, with_alt_text=True)
    if _REPEATED * len(json.dumps(result)) > _MOST_BYTES:
        result |= _shortened(result)
    named = [*result.get("classifications", ()), *result["detections"]]
    labels = dict.fromkeys(one["label"] for one in named)
    return {
        **_common(stored, detector),
        STATUS: ANNOTATED,
        "labels": list(labels),
        **_with_decimals(result),
    }


def _shortened(result: Row) -> Row:
    room = _MOST_BYTES
    for number, detection in enumerate(result["detections"]):
        room -= len(json.dumps(detection)) + _REPEATED * len(json.dumps(detection["label"]))
        if room < 0:
            return {
                "detections": result["detections"][:number],
                "altText": result["altText"][:_SHORT_TEXT],
                "truncated": True,
            }
    return {}


def unreadable(stored: StoredObject, error: SpotterError, detector: Detector) -> Row:
    return {
        **_common(stored, detector),
        STATUS: "unreadable",
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
        ETAG: stored.etag,
        "size": stored.size,
        REVISION: new_revision(),
        MODEL: detector.model.sha256,
        "detectedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def _with_decimals(result: Mapping[str, Any]) -> Row:
    """DynamoDB takes no floats."""
    row: Row = json.loads(json.dumps(result), parse_float=Decimal)
    return row
