"""Whatever one message of a batch holds, only that message fails."""

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from app.events.annotator import Annotator, Outcome
from app.events.consumer import Consumer, DeliveryFailed
from app.events.notice import Notice
from tests.events.records import bridge_event, queue_event, recorded, s3_event

DEEP = 100_000


class Recorder:
    """Stands for the annotator and remembers the keys that it was asked for."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def annotate(self, notice: Notice) -> Outcome:
        assert isinstance(notice.bucket, str)
        assert notice.version is None or isinstance(notice.version, str)
        (notice.bucket + notice.key + notice.sequencer).encode()
        self.keys.append(notice.key)
        return Outcome.ANNOTATED


class Clock:
    def __init__(self, milliseconds: int = 60_000, each: int = 0) -> None:
        self.milliseconds, self.each = milliseconds, each

    def get_remaining_time_in_millis(self) -> int:
        self.milliseconds -= self.each
        return self.milliseconds


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def consumer(recorder: Recorder) -> Consumer:
    return Consumer(cast("Annotator", recorder))


def failed(answer: dict[str, Any] | None) -> list[str]:
    assert answer is not None
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def nested(levels: int) -> Any:
    """Lists within lists, which ``json.dumps`` could not write if they were any deeper."""
    value: Any = "text"
    for _ in range(levels):
        value = [value]
    return value


def sns_envelope(message: object) -> str:
    envelope = {"Type": "Notification", "TopicArn": "arn:aws:sns:a:1:t", "Message": message}
    return json.dumps(envelope)


def bodies() -> Iterator[tuple[str, Any]]:
    yield "opening brackets", "[" * DEEP
    yield "opening braces", '{"Records":' * DEEP
    yield "whole nesting", "[" * DEEP + "]" * DEEP
    yield "brackets inside a record", '{"Records": [' + "[" * DEEP + "]" * DEEP + "]}"
    for levels in (100, 300, 600, 900):  # some are read, and too deep to be printed
        yield f"{levels} levels", json.dumps({"Records": [{"eventSource": nested(levels)}]})
    yield "number of 100,000 digits", "9" * 100_000
    yield "digits in a record", '{"Records": [{"eventSource": ' + "9" * 100_000 + "}]}"
    yield "infinite number", '{"Records": [{"eventSource": 1e999}]}'
    yield "not a number", "NaN"
    yield "nothing", ""
    yield "NUL", "\0"
    yield "half of a surrogate pair", '"\ud800"'
    yield "byte order mark", "\ufeff{}"
    yield "text", '"text"'
    yield "null", "null"
    yield "empty object", "{}"
    yield "million records", '{"Records": [' + ",".join(["{}"] * 300_000) + "]}"
    yield "longer than SQS allows", '{"Records": [' + ",".join(["{}"] * 1_000_000) + "]}"
    yield "thousands of good records", s3_event("b", *(f"{number}.jpg" for number in range(2000)))
    yield "members of a megabyte", json.dumps({"x" * 1_000_000: 1})
    messages: tuple[object, ...] = (None, 7, {}, "text", "[]", "null", "[" * DEEP, "\ud800")
    for message in messages:
        yield f"SNS around {str(message)[:9]!a}", sns_envelope(message)
    yield "SNS around half an event of S3", sns_envelope('{"Records": [{}]}')
    envelope = json.dumps(s3_event("b", "k.jpg"))
    for _ in range(8):
        envelope = sns_envelope(envelope)
    yield "SNS in SNS", envelope
    yield "EventBridge in EventBridge", {**bridge_event("b", "k"), "detail": bridge_event("b", "k")}
    yield "queue in queue", queue_event(s3_event("b", "k.jpg"))
    yield "two hundred notifications", {"Records": recorded("sns")["Records"] * 200}
    mixed = {"Records": recorded("sns")["Records"] + s3_event("b", "k.jpg")["Records"]}
    yield "a record of S3 among those of SNS", mixed
    yield "sns", recorded("sns")
    yield (
        "ObjectCreated of another service",
        {
            "source": "aws.ec2",
            "detail-type": "Object Created",
            "detail": {},
        },
    )
    yield from wrong_types()


def wrong_types() -> Iterator[tuple[str, Any]]:
    """Each value of a real event replaced by one of another type, at every level."""
    for form in ("s3", "bridge"):
        whole = s3_event("b", "k.jpg") if form == "s3" else bridge_event("b", "k.jpg", version="v")
        for path in PATHS[form]:
            for wrong in WRONG:
                if isinstance(wrong, str) and path[-1] in TEXTS and wrong == "text":
                    continue  # rightly taken
                if wrong is None and path[-1] in ("version-id", "versionId", "source"):
                    continue
                copied = json.loads(json.dumps(whole))
                inner = copied
                for step in path[:-1]:
                    inner = inner[step]
                inner[path[-1]] = wrong
                yield f"{form} {path} {wrong!a}", copied


_RECORD: tuple[Any, ...] = ("Records", 0)
PATHS: dict[str, list[tuple[Any, ...]]] = {
    "s3": [
        ("Records",),
        _RECORD,
        *((*_RECORD, name) for name in ("eventSource", "s3")),
        *((*_RECORD, "s3", name) for name in ("bucket", "object")),
        (*_RECORD, "s3", "bucket", "name"),
        *((*_RECORD, "s3", "object", name) for name in ("key", "sequencer", "versionId")),
    ],
    "bridge": [
        ("source",),
        ("detail",),
        *(("detail", name) for name in ("bucket", "object")),
        ("detail", "bucket", "name"),
        *(("detail", "object", name) for name in ("key", "sequencer", "version-id")),
    ],
}
WRONG: tuple[Any, ...] = (None, 7, 1.5, True, [], {}, [[]], {"a": 1}, "\ud800", "text")
TEXTS = {"name", "key", "sequencer", "versionId", "version-id"}
BODIES = dict(bodies())
HARMLESS = {f"s3 {('Records',)} {value}" for value in ("[]", "{}")}
"""Tell of no object, as an empty list of records does: done, with nothing to do."""


@pytest.mark.parametrize("name", BODIES)
def test_of_a_batch_only_that_message_fails(
    name: str, consumer: Consumer, recorder: Recorder
) -> None:
    first, last = s3_event("b", "first.jpg"), bridge_event("b", "last.jpg")
    answer = consumer.consume(queue_event(first, BODIES[name], last), Clock())
    assert failed(answer) == ([] if name in HARMLESS else ["1"])
    assert recorder.keys == ["first.jpg", "last.jpg"]


@pytest.mark.parametrize("name", BODIES)
def test_alone_it_fails_as_an_event_that_is_not_done(name: str, consumer: Consumer) -> None:
    body = BODIES[name]
    if isinstance(body, dict) and "aws:sqs" not in json.dumps(body) and name not in HARMLESS:
        with pytest.raises(DeliveryFailed):
            consumer.consume(body, Clock())


@pytest.mark.parametrize("field", ["body", "messageId"])
@pytest.mark.parametrize("wrong", [None, 7, [], {}, b"{}", b"\xff\xfe"])
def test_a_message_of_another_form(
    field: str, wrong: object, consumer: Consumer, recorder: Recorder
) -> None:
    """Without an id it cannot be named, and the batch comes back after the others are done."""
    event = queue_event("not JSON", s3_event("b", "good.jpg"))
    event["Records"][0][field] = wrong
    if field == "body":
        assert failed(consumer.consume(event, Clock())) == ["0"]
    else:
        with pytest.raises(DeliveryFailed):
            consumer.consume(event, Clock())
    assert recorder.keys == ["good.jpg"]


@pytest.mark.parametrize("wrong", [None, 7, [], "text"])
def test_what_is_no_message_in_a_batch(
    wrong: object, consumer: Consumer, recorder: Recorder
) -> None:
    event = queue_event("{}", s3_event("b", "good.jpg"))
    event["Records"][0] = wrong
    with pytest.raises(DeliveryFailed):
        consumer.consume(event, Clock())
    assert recorder.keys == ["good.jpg"]


def test_what_an_annotator_cannot_stand_fails_alone(
    consumer: Consumer, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def annotate(notice: Notice) -> Outcome:
        if notice.key == "bad.jpg":
            raise RecursionError
        return Recorder.annotate(recorder, notice)

    monkeypatch.setattr(recorder, "annotate", annotate)
    keys = ("first.jpg", "bad.jpg", "last.jpg")
    answer = consumer.consume(queue_event(*(s3_event("b", key) for key in keys)), Clock())
    assert failed(answer) == ["1"]
    assert recorder.keys == ["first.jpg", "last.jpg"]


def test_within_a_message_time_is_looked_at_before_each_object(
    consumer: Consumer, recorder: Recorder
) -> None:
    event = queue_event(s3_event("b", *(f"{number}.jpg" for number in range(100))))
    assert failed(consumer.consume(event, Clock(12_000, each=1000))) == ["0"]
    assert 5 < len(recorder.keys) < 15


def test_what_is_logged_of_a_message_is_short(
    consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    for body in BODIES.values():
        consumer.consume(queue_event(body), Clock())
    lines = [str(getattr(record, "fields", "")) for record in caplog.records]
    assert max(map(len, lines)) < 1000


def test_one_slow_object_does_not_stop_an_environment_for_good(
    consumer: Consumer, recorder: Recorder
) -> None:
    consumer._longest = 40.0
    event = queue_event(s3_event("b", "k.jpg"))
    answers = [failed(consumer.consume(event, Clock(60_000))) for _ in range(5)]
    assert answers[0] == ["0"]
    assert answers[-1] == []
