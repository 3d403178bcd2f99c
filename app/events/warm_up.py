"""Recognises events of a schedule or a warm-up plugin, which only keep environments alive."""

from collections.abc import Mapping

_SCHEDULERS = ("aws.events", "aws.scheduler")
_OBJECT_MEMBERS = frozenset(
    {"Records", "Event", "TopicArn", "requestContext", "invocationSchemaVersion"}
)


def is_warm_up(event: object) -> bool:
    """Whether ``event`` is empty, comes from a schedule, or has "warm" in a member."""
    if not event:
        return True
    if not isinstance(event, Mapping) or tells_of_objects(event):
        return False
    if event.get("source") in _SCHEDULERS or event.get("detail-type") == "Scheduled Event":
        return True
    return any("warm" in str(name).lower() or _says_warm(value) for name, value in event.items())


def tells_of_objects(event: object) -> bool:
    """Whether ``event`` looks like one of S3, S3 Batch Operations, SQS, SNS or EventBridge."""
    if not isinstance(event, Mapping):
        return False
    return bool(_OBJECT_MEMBERS & event.keys()) or event.get("source") == "aws.s3"


def _says_warm(value: object) -> bool:
    return isinstance(value, str) and "warm" in value[:100].lower()
