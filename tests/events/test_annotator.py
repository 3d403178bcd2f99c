"""One object after the other, against S3, DynamoDB and EventBridge as moto plays them."""

import dataclasses
import time
from decimal import Decimal
from typing import Any

import pytest

from app.events.annotator import Annotator, Outcome
from app.events.bus import Bus
from app.events.consumer import Consumer, DeliveryFailed
from app.events.notice import Notice
from app.events.table import Table
from app.service.alt_text import alt_text
from app.vision.detections import Detections, Options
from tests.aws.moto import Cloud
from tests.events.records import bridge_event, queue_event, recorded, s3_event
from tests.events.results import Results
from tests.http.client import drawn

PHOTO = drawn(128, 96, encoding="JPEG")


class Context:
    def __init__(self, milliseconds: int = 60_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture
def bucket(results: Results) -> str:
    return results.cloud.bucket(f"b-{results.table}")


def put(results: Results, bucket: str, key: str, data: bytes = PHOTO) -> Any:
    return results.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=data)


def seq(number: int) -> str:
    return f"{number:032X}"


def test_a_row_says_what_was_found_by_whom_and_when(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    etag = put(results, bucket, "holiday/a b.jpg")["ETag"].strip('"')
    began = time.time()
    assert annotator.annotate(Notice(bucket, "holiday/a b.jpg", None, seq(1))) is Outcome.ANNOTATED
    (row,) = results.rows()
    assert row["object"] == f"{bucket}#holiday/a b.jpg"
    assert row["version"] == etag
    assert row["status"] == "annotated"
    assert row["labels"] == ["cat", "dog", "bus"]
    assert row["image"] == {"width": 128, "height": 96}
    assert row["detections"][0]["label"] == "cat"
    assert row["detections"][0]["probability"] == Decimal("0.912346")
    assert row["altText"] == alt_text(annotator.detector.detect(PHOTO, annotator.options))
    assert row["model"] == "scripted"
    assert row["modelSha256"] == annotator.detector.model.sha256
    assert row["detectedAt"].endswith("Z")
    assert began - 1 < int(row["expiresAt"]) - 30 * 86_400 < time.time() + 1
    assert row["announced"] is True


def test_an_announcement_carries_the_row_and_comes_once(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    put(results, bucket, "photo.jpg")
    for _ in range(3):
        annotator.annotate(Notice(bucket, "photo.jpg", None, seq(1)))
    (event,) = results.announced()
    assert (event["source"], event["detail-type"]) == ("spotter", "ObjectsDetected")
    (row,) = results.rows()
    assert event["detail"]["object"] == row["object"]
    assert event["detail"]["detections"][0]["probability"] == 0.912346
    assert not {"announced", "expiresAt", "sequencer"} & event["detail"].keys()


def test_a_delivery_that_comes_twice_changes_nothing_and_looks_at_nothing(
    annotator: Annotator, results: Results, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(results, bucket, "photo.jpg")
    notice = Notice(bucket, "photo.jpg", None, seq(5))
    annotator.annotate(notice)
    before = results.rows()
    monkeypatch.setattr(annotator.detector, "detect", None)
    for again in (notice, Notice(bucket, "photo.jpg", None, seq(4)), Notice(bucket, "photo.jpg")):
        assert annotator.annotate(again) is Outcome.KNOWN
    assert results.rows() == before


def test_the_newest_sequencer_wins_in_whichever_order_they_come(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    put(results, bucket, "photo.jpg")
    for number in (2, 3, 1):
        annotator.annotate(Notice(bucket, "photo.jpg", None, seq(number)))
    assert [row["sequencer"] for row in results.rows()] == [seq(3)]


def test_of_two_workers_at_one_object_the_newer_notice_wins(
    annotator: Annotator, results: Results, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older looked first, and writes last."""
    put(results, bucket, "photo.jpg")
    detect = annotator.detector.detect

    def overtaken(image: bytes, options: Options) -> Detections:
        monkeypatch.setattr(annotator.detector, "detect", detect)
        annotator.annotate(Notice(bucket, "photo.jpg", None, seq(2)))
        return detect(image, options)

    monkeypatch.setattr(annotator.detector, "detect", overtaken)
    assert annotator.annotate(Notice(bucket, "photo.jpg", None, seq(1))) is Outcome.KNOWN
    assert [row["sequencer"] for row in results.rows()] == [seq(2)]
    assert len(results.announced()) == 1


def test_versions_have_a_row_each(annotator: Annotator, results: Results) -> None:
    bucket = results.cloud.bucket(f"v-{results.table}", versioned=True)
    versions = [
        put(results, bucket, "photo.jpg", drawn(*size))["VersionId"]
        for size in ((64, 64), (32, 96))
    ]
    for number, version in enumerate(versions):
        annotator.annotate(Notice(bucket, "photo.jpg", version, seq(number)))
    rows = {row["version"]: row["image"] for row in results.rows()}
    assert rows == {
        versions[0]: {"width": 64, "height": 64},
        versions[1]: {"width": 32, "height": 96},
    }


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"no image", "InvalidImageFormat"),
        (b"", "InvalidImageFormat"),
        (PHOTO[: len(PHOTO) // 2], "InvalidImage"),
        (b"\xff\xd8\xff" + bytes(100_000), "ImageTooLarge"),
    ],
)
def test_what_cannot_be_read_is_recorded_as_such_and_is_no_failure(
    annotator: Annotator, results: Results, bucket: str, data: bytes, code: str
) -> None:
    put(results, bucket, "photo.jpg", data)
    assert annotator.annotate(Notice(bucket, "photo.jpg", None, seq(1))) is Outcome.UNREADABLE
    assert annotator.annotate(Notice(bucket, "photo.jpg", None, seq(1))) is Outcome.KNOWN
    (row,) = results.rows()
    assert (row["status"], row["error"]["code"]) == ("unreadable", code)
    assert "detections" not in row
    assert results.announced() == []


def test_what_was_deleted_since_leaves_no_row(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    assert annotator.annotate(Notice(bucket, "none.jpg", None, seq(1))) is Outcome.MISSING
    assert results.rows() == []


def test_an_announcement_that_failed_is_made_up_for(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    put(results, bucket, "photo.jpg")
    notice = Notice(bucket, "photo.jpg", None, seq(1))
    broken = dataclasses.replace(annotator, bus=Bus("no-such-bus"))
    consumer = Consumer(broken)
    with pytest.raises(DeliveryFailed):
        consumer.consume(s3_event(bucket, "photo.jpg", sequencer=seq(1)), Context())
    assert [row["announced"] for row in results.rows()] == [False]
    assert annotator.annotate(notice) is Outcome.KNOWN
    assert [row["announced"] for row in results.rows()] == [True]
    assert len(results.announced()) == 1


def test_of_a_batch_only_what_failed_is_handed_back(
    annotator: Annotator, results: Results, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(results, bucket, "good.jpg")
    put(results, bucket, "other.jpg", drawn(32, 32))
    put(results, bucket, "bad.jpg", b"no image")
    red = drawn(64, 64, (255, 0, 0))  # makes the model's session fail
    put(results, bucket, "failing.png", red)
    event = queue_event(
        s3_event(bucket, "good.jpg"),
        recorded("s3-test-event"),
        "not JSON",
        bridge_event(bucket, "failing.png"),
        s3_event(bucket, "bad.jpg", "folder/"),
        bridge_event(bucket, "other.jpg"),
        recorded("scheduled"),
        "[]",
    )
    answer = Consumer(annotator).consume(event, Context())
    assert answer == {
        "batchItemFailures": [{"itemIdentifier": name} for name in ("2", "3", "6", "7")]
    }
    assert sorted(row["key"] for row in results.rows()) == ["bad.jpg", "good.jpg", "other.jpg"]


def test_short_of_time_the_rest_is_handed_back(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    put(results, bucket, "photo.jpg")
    event = queue_event(s3_event(bucket, "photo.jpg"))
    answer = Consumer(annotator).consume(event, Context(milliseconds=1500))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}


def test_an_event_without_a_batch_fails_as_a_whole_after_all_were_tried(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    put(results, bucket, "failing.png", drawn(64, 64, (255, 0, 0)))
    put(results, bucket, "good.jpg")
    consumer = Consumer(annotator)
    with pytest.raises(DeliveryFailed):
        consumer.consume(s3_event(bucket, "failing.png", "good.jpg"), Context())
    assert [row["key"] for row in results.rows()] == ["good.jpg"]
    assert consumer.consume(bridge_event(bucket, "good.jpg"), Context()) is None
    with pytest.raises(DeliveryFailed):
        consumer.consume(recorded("sns"), Context())


def test_without_its_table_nothing_is_taken_for_done(
    annotator: Annotator, aws_environment: Cloud, results: Results, bucket: str
) -> None:
    put(results, bucket, "photo.jpg")
    lost = dataclasses.replace(annotator, table=Table("no-such-table"))
    answer = Consumer(lost).consume(queue_event(s3_event(bucket, "photo.jpg")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
