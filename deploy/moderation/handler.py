"""A Lambda function that tags, or moves away, objects in which Spotter found certain labels.

It needs nothing but boto3. ``template.yml`` beside it sets its environment: ``LABELS`` (separated
by commas), ``MIN_PROBABILITY`` (0 to 1) and ``QUARANTINE``, the bucket to move objects to, or
nothing to tag them.
"""

import json
import os
import re
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

TAG = "moderation"
_LONGEST_VALUE = 256
_NOT_IN_A_TAG = re.compile(r"[^\w +\-=.:/@]")
_CHANGED = frozenset({"404", "412", "NoSuchKey", "NoSuchVersion", "NotFound", "PreconditionFailed"})
"""Codes of S3 for an object that was deleted or replaced since Spotter looked at it."""


@cache
def s3() -> Any:
    return boto3.client("s3")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """``event`` is ``ObjectsDetected``. Raises what boto3 raises, and is then tried again."""
    detail = event["detail"]
    wanted = os.environ["LABELS"].split(",")
    found = found_labels(detail, wanted, float(os.environ["MIN_PROBABILITY"]))
    outcome = "kept"
    if found:
        try:
            outcome = _act(detail, found, os.environ.get("QUARANTINE", ""))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CHANGED:
                raise
            outcome = "changed"  # the newer object has an event of its own
    result = {"object": detail["object"], "labels": found, "outcome": outcome}
    print(json.dumps(result))
    return result


def found_labels(detail: dict[str, Any], wanted: list[str], least: float) -> list[str]:
    """Those of ``wanted`` that were found with a probability of at least ``least``.

    An event that would be too large has no detections, only labels: then each of them counts.
    """
    if detail.get("detections") is None:
        return [label for label in detail["labels"] if label in wanted]
    found = [*detail.get("classifications", ()), *detail["detections"]]
    return list(
        dict.fromkeys(
            one["label"] for one in found if one["label"] in wanted and one["probability"] >= least
        )
    )


def _act(detail: dict[str, Any], labels: list[str], quarantine: str) -> str:
    place = {"Bucket": detail["bucket"], "Key": detail["key"]}
    etag = f'"{detail["etag"]}"'
    # A bucket that keeps no versions has the ETag for a version.
    version = {} if detail["version"] == detail["etag"] else {"VersionId": detail["version"]}
    s3().head_object(**place, **version, IfMatch=etag)
    if not quarantine:
        _tag(place | version, labels)
        return "tagged"
    copy = {"Bucket": quarantine, "Key": f"{detail['bucket']}/{detail['key']}"}
    s3().copy_object(**copy, CopySource=place | version, CopySourceIfMatch=etag)
    _tag(copy, labels)
    s3().delete_object(**place, **(version or {"IfMatch": etag}))
    return "moved"


def _tag(place: dict[str, str], labels: list[str]) -> None:
    """Keeps the other tags."""
    tags = s3().get_object_tagging(**place)["TagSet"]
    value = _NOT_IN_A_TAG.sub("_", " / ".join(labels))[:_LONGEST_VALUE]
    others = [tag for tag in tags if tag["Key"] != TAG]
    s3().put_object_tagging(
        **place, Tagging={"TagSet": [*others, {"Key": TAG, "Value": value.strip()}]}
    )
