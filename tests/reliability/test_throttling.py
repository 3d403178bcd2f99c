"""AWS asks for patience: tried again at random moments, handed back after that, never lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.events.annotator import Annotator
from app.events.consumer import Consumer, DeliveryFailed
from tests.aws.moto import Cloud
from tests.events.records import queue_event, s3_event
from tests.events.results import Results
from tests.events.throttle import Throttle, throttled
from tests.http.client import drawn

PHOTO = drawn(40, 30, encoding="JPEG")
EVENTS, S3, DYNAMODB = "AWSEvents.", None, "DynamoDB_"


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def bucket(results: Results) -> str:
    name = results.cloud.bucket(f"b-{results.table}")
    results.cloud.client("s3").put_object(Bucket=name, Key="photo.jpg", Body=PHOTO)
    return name


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that botocore, or a direct request, would have waited; they go on at once."""
    found: list[float] = []

    class Clock:
        def __getattr__(self, name: str) -> Any:
            return found.append if name == "sleep" else getattr(time, name)

    monkeypatch.setattr("botocore.endpoint.time", Clock())
    monkeypatch.setattr("app.cloud.direct_requests.time", Clock())
    return found


@contextmanager
def behind(
    results: Results, throttle: Throttle, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    with throttled(results.cloud, throttle) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        yield cloud


@pytest.mark.parametrize("target", [S3, DYNAMODB, EVENTS])
def test_a_service_that_is_busy_is_asked_again(
    target: str | None,
    annotator: Annotator,
    results: Results,
    bucket: str,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two refusals, and then none: the event is done, with one row and one announcement."""
    throttle = Throttle(lambda number: number < 2, target)
    with behind(results, throttle, monkeypatch):
        event = s3_event(bucket, "photo.jpg", sequencer="01")
        assert Consumer(annotator).consume(event, Context()) is None
    assert throttle.refused == len(waits) == 2
    assert 0 <= waits[0] <= 1
    assert 0 <= waits[1] <= 2
    assert [row["announced"] for row in results.rows()] == [True]
    assert len(results.announced()) == 1


def test_no_two_workers_come_back_at_the_same_moment(
    annotator: Annotator,
    results: Results,
    bucket: str,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twelve first waits: spread over a second, by chance."""
    throttle = Throttle(lambda number: number % 4 == 0)
    with behind(results, throttle, monkeypatch):
        for number in range(12):
            event = s3_event(bucket, "photo.jpg", sequencer=f"{number:02}")
            assert Consumer(annotator).consume(event, Context()) is None
    assert len(waits) >= 9
    assert len(set(waits)) == len(waits)
    assert max(waits) - min(waits) > 0.1


@pytest.mark.parametrize("target", [S3, DYNAMODB, EVENTS])
def test_what_stays_busy_hands_the_message_back_and_the_next_delivery_is_done(
    target: str | None,
    annotator: Annotator,
    results: Results,
    bucket: str,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = queue_event(s3_event(bucket, "photo.jpg", sequencer="01"))
    (name,) = (record["messageId"] for record in message["Records"])
    busy = True
    throttle = Throttle(lambda _: busy, target)
    with behind(results, throttle, monkeypatch):
        consumer = Consumer(annotator)
        answer = consumer.consume(message, Context())
        assert answer == {"batchItemFailures": [{"itemIdentifier": name}]}
        with pytest.raises(DeliveryFailed):
            consumer.consume(s3_event(bucket, "photo.jpg", sequencer="01"), Context())
        assert throttle.refused >= 6
        busy = False
        assert consumer.consume(message, Context()) == {"batchItemFailures": []}
        assert consumer.consume(message, Context()) == {"batchItemFailures": []}
    assert [row["announced"] for row in results.rows()] == [True]
    assert len(results.announced()) == 1
