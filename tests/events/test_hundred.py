"""A hundred deliveries through the real runtime client: 85 good images, 5 bad ones, 10 repeats."""

import json
import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.aws.moto import Cloud
from tests.aws.runtime import Deployed, Function, Outcome
from tests.events.records import Event, bridge_event, recorded, s3_event
from tests.events.results import Results
from tests.events.throttle import Throttle, throttled
from tests.http.client import drawn
from tests.server import LIMIT

GOOD, BAD, REPEATS = 85, 5, 10
_PHOTO = drawn(40, 30, encoding="JPEG")
BAD_FILES = [b"text", b"", _PHOTO[:200], b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(50)]


@dataclass
class Deliveries:
    queued: list[Event]
    """Bodies of messages."""
    direct: list[Event]
    """Events that S3 and EventBridge hand to Lambda themselves."""
    keys: set[str]


def key_of(number: int) -> str:
    return f"in/photo {number} ü+.jpg"


def deliveries(cloud: Cloud, bucket: str) -> Deliveries:
    """Forms and order by a fixed chance; a repeat may come in another form than the first."""
    s3 = cloud.client("s3")
    for number in range(GOOD + BAD):
        data = (
            drawn(20 + number, 30, encoding="JPEG") if number < GOOD else BAD_FILES[number - GOOD]
        )
        s3.put_object(Bucket=bucket, Key=key_of(number), Body=data)
    chance = random.Random(6)
    numbers = [*range(GOOD + BAD), *chance.sample(range(GOOD + BAD), REPEATS)]
    chance.shuffle(numbers)
    events = [
        chance.choice((s3_event, bridge_event))(
            bucket, key_of(number), sequencer=f"{number + 1:016X}"
        )
        for number in numbers
    ]
    queued = [
        *events[:70],
        recorded("s3-test-event"),
        s3_event(bucket, "in/"),
        recorded("s3-removed"),
    ]
    chance.shuffle(queued)
    return Deliveries(queued, events[70:], {key_of(number) for number in range(GOOD + BAD)})


class Queue:
    """SQS and what Lambda does to poll it."""

    def __init__(self, cloud: Cloud, name: str, visibility: int) -> None:
        self.sqs = cloud.client("sqs")
        self.url = self.sqs.create_queue(
            QueueName=name, Attributes={"VisibilityTimeout": str(visibility)}
        )["QueueUrl"]

    def send(self, bodies: list[Event]) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(body))

    def batch(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages", [])
        return found

    def settle(self, batch: list[dict[str, Any]], outcome: Outcome) -> None:
        """What the function took is deleted; the rest comes again, here at once."""
        failed = set()
        if outcome.kind == "response":
            failed = {entry["itemIdentifier"] for entry in outcome.value["batchItemFailures"]}
        for message in batch:
            handle = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
            if outcome.kind != "response" or message["MessageId"] in failed:
                self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
            else:
                self.sqs.delete_message(**handle)

    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(counts["Attributes"][name]) for name in names)


def as_event(batch: list[dict[str, Any]]) -> Event:
    event = recorded("sqs")
    (record,) = event["Records"]
    event["Records"] = [
        {
            **record,
            "messageId": m["MessageId"],
            "receiptHandle": m["ReceiptHandle"],
            "body": m["Body"],
        }
        for m in batch
    ]
    return event


def deliver_direct(function: Function, event: Event) -> None:
    """As Lambda does with events that nobody waits for: three tries in all."""
    for _ in range(3):
        if function.invoke(event).kind == "response":
            return
    raise AssertionError(f"Given up:\n{function.log()[-3000:]}")


def drain(queue: Queue, function: Function) -> None:
    end = time.monotonic() + 10 * LIMIT
    while queue.waiting():
        assert time.monotonic() < end, function.log()[-3000:]
        batch = queue.batch()
        if batch:
            queue.settle(batch, function.invoke(as_event(batch)))
        else:
            time.sleep(0.1)


@contextmanager
def annotating(
    deployed: Deployed, cloud: Cloud, results: Results, model: Path, folder: Path
) -> Iterator[Function]:
    settings = {
        "SPOTTER_MODEL": str(model),
        "SPOTTER_TABLE": results.table,
        "SPOTTER_EVENT_BUS": results.bus,
    }
    with deployed.run(
        folder, {**cloud.environment, **settings}, handler="app.events.function.handler"
    ) as function:
        yield function


def check(results: Results, keys: set[str]) -> None:
    rows = results.rows()
    assert len(rows) == GOOD + BAD
    assert {row["key"] for row in rows} == keys
    unreadable = {row["key"] for row in rows if row["status"] == "unreadable"}
    assert unreadable == {key_of(number) for number in range(GOOD, GOOD + BAD)}
    widths = {row["key"]: row["image"]["width"] for row in rows if row["status"] == "annotated"}
    assert widths == {key_of(number): 20 + number for number in range(GOOD)}


@pytest.fixture
def bucket(results: Results) -> str:
    return results.cloud.bucket(f"b-{results.table}")


def test_each_image_has_one_row(
    deployed: Deployed, results: Results, scripted_model: Path, bucket: str, tmp_path: Path
) -> None:
    sent = deliveries(results.cloud, bucket)
    queue = Queue(results.cloud, f"q-{results.table}", visibility=60)
    queue.send(sent.queued)
    with annotating(deployed, results.cloud, results, scripted_model, tmp_path) as function:
        drain(queue, function)
        for event in sent.direct:
            deliver_direct(function, event)
    check(results, sent.keys)
    announced = [event["detail"]["key"] for event in results.announced()]
    assert sorted(announced) == sorted(key_of(number) for number in range(GOOD))


def test_the_same_with_a_throttled_table_and_a_worker_that_dies(
    deployed: Deployed, results: Results, scripted_model: Path, bucket: str, tmp_path: Path
) -> None:
    sent = deliveries(results.cloud, bucket)
    queue = Queue(results.cloud, f"q-{results.table}", visibility=5)
    queue.send(sent.queued)
    reached, died = threading.Event(), threading.Event()
    last = math.inf

    def refuses(number: int) -> bool:
        if number >= last:  # in the middle of a batch: the worker waits there until it is dead
            reached.set()
            return died.wait(LIMIT)
        return 20 <= number < 32 or number % 29 == 0

    throttle = Throttle(refuses)
    with throttled(results.cloud, throttle) as cloud:
        with annotating(deployed, cloud, results, scripted_model, tmp_path) as function:
            while len(results.rows()) < 35:
                batch = queue.batch()
                queue.settle(batch, function.invoke(as_event(batch)))
            batch, last = queue.batch(), throttle.requests + 7  # some of its ten images are done
            function.board.invocations.put(("dies", json.dumps(as_event(batch)).encode()))
            assert reached.wait(LIMIT)
            function.process.kill()
            assert function.outcome().kind == "exit"
            last = math.inf
            died.set()
        with annotating(deployed, cloud, results, scripted_model, tmp_path) as function:
            for event in sent.direct:
                deliver_direct(function, event)
            drain(queue, function)
    assert throttle.refused > 10
    check(results, sent.keys)
    announced = {event["detail"]["key"] for event in results.announced()}
    assert announced == {key_of(number) for number in range(GOOD)}
