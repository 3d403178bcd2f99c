"""The ways that S3's notices take: SNS, SQS and EventBridge one behind the other, and MinIO's."""

import json
import logging
from pathlib import Path
from typing import Any, cast

import pytest

from app.events.annotator import Annotator, Outcome
from app.events.consumer import Consumer, DeliveryFailed
from app.events.notice import Notice, notices
from app.events.warm_up import is_warm_up, tells_of_objects
from tests.events.records import (
    Event,
    bridge_event,
    queue_event,
    recorded,
    s3_event,
    sns_event,
    sns_notification,
)

S3, BRIDGE = s3_event("b", "a b.jpg"), bridge_event("b", "a b.jpg")


class Recorder:
    def __init__(self) -> None:
        self.keys: list[str] = []

    def annotate(self, notice: Notice) -> Outcome:
        self.keys.append(f"{notice.bucket}/{notice.key}")
        return Outcome.ANNOTATED


class Clock:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def annotated(event: Event) -> tuple[list[str], dict[str, Any] | None]:
    recorder = Recorder()
    answer = Consumer(cast("Annotator", recorder)).consume(event, Clock())
    return recorder.keys, answer


@pytest.mark.parametrize("inner", [S3, BRIDGE], ids=["S3", "EventBridge"])
def test_every_way_leads_to_the_object(inner: Event) -> None:
    nothing_failed: Event = {"batchItemFailures": []}
    assert annotated(sns_event(inner)) == (["b/a b.jpg"], None)
    assert annotated(queue_event(sns_notification(inner))) == (["b/a b.jpg"], nothing_failed)
    assert annotated(queue_event(inner)) == (["b/a b.jpg"], nothing_failed)  # raw delivery
    assert annotated(queue_event(sns_event(inner))) == (["b/a b.jpg"], nothing_failed)
    twice = sns_notification(sns_notification(inner))
    assert annotated(queue_event(twice)) == (["b/a b.jpg"], nothing_failed)


def test_a_batch_may_mix_the_ways() -> None:
    event = queue_event(
        sns_notification(s3_event("b", "1.jpg", "2.jpg")),
        sns_notification("text"),
        s3_event("b", "3.jpg"),
        sns_notification(recorded("s3-test-event")),
        sns_notification(bridge_event("b", "4.jpg")),
    )
    keys, answer = annotated(event)
    assert keys == [f"b/{number}.jpg" for number in (1, 2, 3, 4)]
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_the_reported_event_is_annotated(shared: Path) -> None:
    event = json.loads((shared / "reports" / "sqs_sns_s3.json").read_text())
    assert annotated(event) == (["b/a.jpg"], {"batchItemFailures": []})


def test_notifications_that_tell_of_no_object_fail() -> None:
    messages: list[Any] = ["text", [], {}, {"Records": [{"eventSource": "aws:ses"}]}]
    for message in messages:
        with pytest.raises(DeliveryFailed):
            annotated(sns_event(message))


@pytest.mark.parametrize("source", ["minio:s3", "ceph:s3"])
def test_other_stores_that_speak_as_s3(source: str) -> None:
    event = s3_event("photos", "x")
    (record,) = event["Records"]
    record |= {"eventSource": source, "eventName": "s3:ObjectCreated:CompleteMultipartUpload"}
    record["s3"]["object"] |= {"key": "in%2Fa+b.jpg", "versionId": ""}
    event |= {"EventName": "s3:ObjectCreated:Put", "Key": "photos/in/a b.jpg"}
    (notice,) = notices(event)
    assert (notice.bucket, notice.key, notice.version) == ("photos", "in/a b.jpg", None)
    assert annotated(queue_event(event))[0] == ["photos/in/a b.jpg"]
    record["eventName"] = "s3:ObjectRemoved:Delete"
    (notice,) = notices(event)
    assert (notice.key, notice.removed) == ("in/a b.jpg", True)


WARM_UPS: list[Any] = [
    *({}, None, [], ""),
    recorded("scheduled"),
    {"source": "aws.scheduler"},
    {"source": "serverless-plugin-warmup"},
    {"warmer": True, "concurrency": 3},
    {"warmup": True},
    {"Warm-Up": 1},
    {"action": "warm"},
]


@pytest.mark.parametrize("event", WARM_UPS, ids=str)
def test_warm_ups_are_done_without_a_word(event: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert is_warm_up(event)
    assert not tells_of_objects(event)
    assert annotated(event) == ([], None)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize("event", [S3, BRIDGE, sns_event(S3), queue_event(S3)])
def test_events_of_objects_are_no_warm_ups(event: Event) -> None:
    assert tells_of_objects(event)
    assert not is_warm_up({**event, "note": "warm"})


def test_an_unknown_event_is_neither() -> None:
    with pytest.raises(DeliveryFailed):
        annotated({"key1": "value1"})
