"""A row of the table, which describes one object or one version of it."""

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
"""Changes with each write, so that a worker sees that another has written meanwhile."""
INDEXED = "indexed"
"""The labels that have an index item, with their probabilities; absent if there are no items."""
STATUS = "status"
ANNOTATED = "annotated"
MODEL = "modelSha256"
ETAG = "etag"
DETECTIONS = "detections"
SUMMARY = (PARTITION_KEY, SORT_KEY, SEQUENCER, REVISION, INDEXED, ANNOUNCED, STATUS, MODEL, ETAG)
"""The attributes needed to replace or delete a row."""

_MOST_BYTES = 380_000
"""Most bytes of JSON, which is longer than DynamoDB's own form; an item may have 400 KB."""
_REPEATED = 3
"""Further copies of a label: besides the detections, the list of labels, the index and the text."""
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
    """The row of an image. If it does not fit, the least probable objects are left out."""
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
    """Empty for 0 days: the row never expires."""
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
    """Converts floats, which DynamoDB does not accept, to decimals."""
    row: Row = json.loads(json.dumps(result), parse_float=Decimal)
    return row
