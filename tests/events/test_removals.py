"""Whatever comes in whatever order, in the end the table says what the bucket has."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.events.annotator import Annotator, Outcome
from app.events.consumer import Consumer
from app.events.notice import Notice, notices
from app.search.items import index_keys
from app.vision.detections import Detections, Options
from tests.events.records import Event, bridge_event, queue_event, s3_event
from tests.events.results import Results
from tests.http.client import drawn

OBJECTS = 50
"""In each of two buckets."""
PHOTOS = [drawn(20 + number, 30, encoding="JPEG") for number in range(4)]


def removal(event: Event, name: str) -> Event:
    if "detail-type" in event:
        event["detail-type"] = "Object Deleted"
        event["detail"]["reason"] = "Lifecycle Expiration" if "Lifecycle" in name else name
        return event
    event["Records"][0]["eventName"] = name
    return event


@dataclass
class History:
    """Does things to a bucket and keeps the notices of them."""

    results: Results
    bucket: str
    versioned: bool
    chance: random.Random
    notices: list[Event] = field(default_factory=list)
    sequencer: int = 0

    def __post_init__(self) -> None:
        self.s3 = self.results.cloud.client("s3")

    def put(self, key: str) -> None:
        photo = self.chance.choice(PHOTOS)
        done = self.s3.put_object(Bucket=self.bucket, Key=key, Body=photo)
        self._tell(key, done.get("VersionId"), "ObjectCreated:Put")

    def delete(self, key: str) -> None:
        done = self.s3.delete_object(Bucket=self.bucket, Key=key)
        kind = "DeleteMarkerCreated" if self.versioned else "Delete"
        self._tell(key, done.get("VersionId"), f"{self._by_whom()}:{kind}")

    def delete_version(self, key: str) -> None:
        """Of a photo, or of the mark of a deletion, which brings back the version before."""
        versions = self.versions(key)
        if not versions:
            return
        version = self.chance.choice(versions)
        self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=version)
        self._tell(key, version, f"{self._by_whom()}:Delete")

    def versions(self, key: str) -> list[str]:
        found = self.s3.list_object_versions(Bucket=self.bucket, Prefix=key)
        entries = found.get("Versions", []) + found.get("DeleteMarkers", [])
        return [entry["VersionId"] for entry in entries]

    def _by_whom(self) -> str:
        return self.chance.choice(("ObjectRemoved", "LifecycleExpiration"))

    def _tell(self, key: str, version: str | None, name: str) -> None:
        self.sequencer += 1
        form = self.chance.choice((s3_event, bridge_event))
        event = form(self.bucket, key, sequencer=f"{self.sequencer:016X}", version=version)
        self.notices.append(event if "Created:" in name else removal(event, name))


def deliver(consumer: Consumer, events: list[Event]) -> None:
    """By four workers at a time; what fails comes again."""

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 3_600_000

    for _ in range(5):
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda e: consumer.consume(queue_event(e), Context()), events)
            failed = [answer["batchItemFailures"] for answer in answers if answer]
        events = [event for event, failures in zip(events, failed, strict=True) if failures]
        if not events:
            return
    raise AssertionError(f"{len(events)} events fail again and again.")


def wanted_keys(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    keys = [key for row in rows for key in index_keys(row, row.get("indexed", {}))]
    return {(key["object"], key["version"]) for key in keys}


@pytest.mark.parametrize("versioned", [False, True])
def test_the_table_ends_as_the_bucket_does(
    versioned: bool, annotator: Annotator, results: Results
) -> None:
    bucket = results.cloud.bucket(f"b{int(versioned)}-{results.table}", versioned=versioned)
    chance = random.Random(23)
    history = History(results, bucket, versioned, chance)
    names = [f"in/{number:02}.jpg" for number in range(OBJECTS)]
    actions = [history.put, history.put, history.delete]
    if versioned:
        actions.append(history.delete_version)
    for name in names:
        history.put(name)
    consumer = Consumer(annotator)
    with ThreadPoolExecutor(1) as pool:  # the bucket changes while the first notices come
        early = chance.sample(history.notices, OBJECTS // 2)
        delivering = pool.submit(deliver, consumer, early)
        for name in chance.choices(names, k=OBJECTS):
            chance.choice(actions)(name)
        delivering.result()
    late = history.notices + chance.sample(history.notices, 10)
    chance.shuffle(late)
    deliver(consumer, late)

    rows = results.rows()
    current = {
        entry["Key"]: entry["ETag"].strip('"')
        for entry in history.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    }
    assert 0 < len(current) < OBJECTS
    searchable = {row["key"]: row["etag"] for row in rows if "indexed" in row}
    assert searchable == current
    assert {row["key"] for row in rows} == current.keys()
    if versioned:
        there = {name: history.versions(name) for name in names}
        assert all(row["version"] in there[row["key"]] for row in rows)
    else:
        assert len(rows) == len(current)
    index = {(item["object"], item["version"]) for item in results.index()}
    assert index == wanted_keys(rows)
    assert len(index) == 3 * len(current)


@pytest.fixture
def bucket(results: Results) -> str:
    return results.cloud.bucket(f"b-{results.table}")


@pytest.mark.parametrize(
    "name",
    [
        *("ObjectRemoved:Delete", "s3:ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"),
        *("LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated"),
    ],
)
def test_every_kind_of_removal_is_known(name: str) -> None:
    (notice,) = notices(removal(s3_event("b", "a b+c.jpg", version="v"), name))
    assert (notice.key, notice.version, notice.removed) == ("a b+c.jpg", "v", True)
    (notice,) = notices(removal(bridge_event("b", "a b+c.jpg"), name))
    assert (notice.key, notice.removed) == ("a b+c.jpg", True)


def test_an_object_that_is_there_again_keeps_its_row(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    results.cloud.client("s3").put_object(Bucket=bucket, Key="k", Body=PHOTOS[0])
    annotator.annotate(Notice(bucket, "k", None, "2"))
    assert annotator.annotate(Notice(bucket, "k", None, "1", removed=True)) is Outcome.KNOWN
    assert len(results.rows()) == 1


def test_an_object_that_goes_while_it_is_looked_at_leaves_no_row(
    annotator: Annotator, results: Results, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notice of its removal was handled before the row was there."""
    s3 = results.cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=PHOTOS[0])
    detect = annotator.detector.detect

    def gone(image: bytes, options: Options) -> Detections:
        s3.delete_object(Bucket=bucket, Key="k")
        notice = Notice(bucket, "k", None, "2", removed=True)
        assert annotator.annotate(notice) is Outcome.MISSING
        return detect(image, options)

    monkeypatch.setattr(annotator.detector, "detect", gone)
    assert annotator.annotate(Notice(bucket, "k", None, "1")) is Outcome.REMOVED
    assert results.items() == []


def test_a_newer_photo_takes_the_place_of_the_one_before(
    annotator: Annotator, results: Results, bucket: str
) -> None:
    s3 = results.cloud.client("s3")
    for number, photo in enumerate(PHOTOS):
        s3.put_object(Bucket=bucket, Key="k", Body=photo)
        annotator.annotate(Notice(bucket, "k", None, str(number)))
    (row,) = results.rows()
    assert row["image"]["width"] == 23
    assert len(results.index()) == 3


def test_a_deletion_mark_hides_and_its_removal_shows(
    annotator: Annotator, results: Results
) -> None:
    bucket = results.cloud.bucket(f"v-{results.table}", versioned=True)
    s3 = results.cloud.client("s3")
    version = s3.put_object(Bucket=bucket, Key="k", Body=PHOTOS[0])["VersionId"]
    annotator.annotate(Notice(bucket, "k", version, "1"))
    mark = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    notice = Notice(bucket, "k", mark, "2", removed=True)
    assert annotator.annotate(notice) is Outcome.REMOVED
    assert results.items() == []
    s3.delete_object(Bucket=bucket, Key="k", VersionId=mark)
    notice = Notice(bucket, "k", mark, "3", removed=True)
    assert annotator.annotate(notice) is Outcome.ANNOTATED
    assert len(results.index()) == 3


def test_a_version_that_goes_while_it_is_looked_at_leaves_no_row(
    annotator: Annotator, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer version is there before and after."""
    bucket = results.cloud.bucket(f"v-{results.table}", versioned=True)
    s3 = results.cloud.client("s3")
    old, new = (
        s3.put_object(Bucket=bucket, Key="k", Body=photo)["VersionId"] for photo in PHOTOS[:2]
    )
    detect = annotator.detector.detect

    def gone(image: bytes, options: Options) -> Detections:
        monkeypatch.setattr(annotator.detector, "detect", detect)
        s3.delete_object(Bucket=bucket, Key="k", VersionId=old)
        annotator.annotate(Notice(bucket, "k", old, "3", removed=True))
        return detect(image, options)

    monkeypatch.setattr(annotator.detector, "detect", gone)
    annotator.annotate(Notice(bucket, "k", old, "1"))
    assert [row["version"] for row in results.rows()] == [new]
    assert len(results.index()) == 3


def test_rows_from_before_the_index_are_put_into_it_without_another_look(
    annotator: Annotator, results: Results, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.cloud.client("s3").put_object(Bucket=bucket, Key="k", Body=PHOTOS[0])
    annotator.annotate(Notice(bucket, "k"))
    (row,) = results.rows()
    annotator.table.remove(dict(row))
    del row["indexed"], row["revision"]
    results.put(row)
    monkeypatch.setattr(annotator.detector, "detect", None)
    assert annotator.annotate(Notice(bucket, "k")) is Outcome.KNOWN
    assert len(results.index()) == 3
