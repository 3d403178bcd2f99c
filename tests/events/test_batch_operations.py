"""Jobs of S3 Batch Operations, in both schemas that AWS documents."""

from typing import Any, cast

import pytest

from app.errors import InvalidObject, Overloaded
from app.events.annotator import Annotator, Outcome
from app.events.consumer import Consumer, DeliveryFailed
from app.events.notice import Notice
from app.events.warm_up import is_warm_up, tells_of_objects
from tests.events.records import Event, recorded


class Scripted:
    """Stands for the annotator: what it does with each key."""

    def __init__(self, **outcomes: Outcome | Exception) -> None:
        self.outcomes = outcomes
        self.asked: list[Notice] = []

    def annotate(self, notice: Notice) -> Outcome:
        self.asked.append(notice)
        outcome = self.outcomes.get(notice.key, Outcome.ANNOTATED)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Context:
    def __init__(self, milliseconds: int = 60_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def job(*tasks: dict[str, Any], version: str = "2.0", **arguments: str) -> Event:
    event = recorded(f"batch-operations-{version}")
    (task,) = event["tasks"]
    event["tasks"] = [
        {**task, "taskId": str(number), **given} for number, given in enumerate(tasks)
    ]
    if arguments:
        event["job"]["userArguments"] = arguments
    return event


def consume(event: Event, annotator: Scripted, milliseconds: int = 60_000) -> dict[str, Any]:
    answer = Consumer(cast("Annotator", annotator)).consume(event, Context(milliseconds))
    assert answer is not None
    return answer


def codes(answer: dict[str, Any]) -> list[str]:
    assert [result["taskId"] for result in answer["results"]] == [
        str(number) for number in range(len(answer["results"]))
    ]
    return [result["resultCode"] for result in answer["results"]]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_whole_recorded_event_is_answered_as_aws_wants_it(version: str) -> None:
    event = recorded(f"batch-operations-{version}")
    annotator = Scripted()
    answer = consume(event, annotator)
    assert annotator.asked == [Notice("amzn-s3-demo-bucket", "customerImage1.jpg", "1")]
    assert answer == {
        "invocationSchemaVersion": version,
        "treatMissingKeysAs": "TemporaryFailure",
        "invocationId": event["invocationId"],
        "results": [
            {
                "taskId": event["tasks"][0]["taskId"],
                "resultCode": "Succeeded",
                "resultString": "annotated",
            }
        ],
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a+b%2Bc.jpg", "a b+c.jpg"),
        ("in/%C3%BC%20%25.jpg", "in/ü %.jpg"),
        ("%E2%98%83", "\u2603"),
        ("plain", "plain"),
    ],
)
def test_keys_are_url_decoded(written: str, meant: str) -> None:
    annotator = Scripted()
    consume(job({"s3Key": written, "s3VersionId": None}), annotator)
    assert annotator.asked == [Notice("amzn-s3-demo-bucket", meant)]


def test_each_task_has_its_own_result() -> None:
    annotator = Scripted(
        known=Outcome.KNOWN,
        text=Outcome.UNREADABLE,
        gone=Outcome.MISSING,
        removed=Outcome.REMOVED,
        busy=Overloaded("S3 asks for patience.", 2),
        broken=OSError("no network"),
        denied=InvalidObject("may not be read"),
    )
    names = ["new", "known", "text", "gone", "removed", "busy", "broken", "denied", "folder/"]
    answer = consume(job(*({"s3Key": name} for name in names)), annotator)
    assert codes(answer) == [
        *("Succeeded", "Succeeded", "PermanentFailure", "PermanentFailure", "PermanentFailure"),
        *("TemporaryFailure", "TemporaryFailure", "PermanentFailure", "Succeeded"),
    ]
    assert answer["results"][6]["resultString"] == "OSError: no network"
    assert "folder/" not in [notice.key for notice in annotator.asked]


def test_without_time_s3_tries_again() -> None:
    annotator = Scripted()
    assert codes(consume(job({}, {}), annotator, 1500)) == ["TemporaryFailure"] * 2
    assert annotator.asked == []


def test_an_argument_of_the_job_looks_again_at_what_another_model_saw() -> None:
    annotator = Scripted()
    consume(job({}, stale="true"), annotator)
    consume(job({}, stale="false"), annotator)
    consume(job({}), annotator)
    assert [notice.stale for notice in annotator.asked] == [True, False, False]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"s3Key": None}, {"s3Key": 7}, {"s3Key": "%ff"}, {"s3Key": "\ud800"}),
        *({"s3Bucket": 7}, {"s3VersionId": {}}),
    ],
)
def test_a_task_that_cannot_be_read_fails_alone(wrong: dict[str, Any]) -> None:
    assert codes(consume(job({}, wrong, {}), Scripted())) == [
        *("Succeeded", "PermanentFailure", "Succeeded")
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"tasks": None}, {"tasks": [None]}, {"tasks": [{"taskId": 7}]}, {"tasks": [{}] * 2000}),
        *({"invocationId": None}, {"invocationSchemaVersion": 2}),
    ],
)
def test_a_job_that_no_answer_fits_fails_as_a_whole(wrong: dict[str, Any]) -> None:
    with pytest.raises(DeliveryFailed):
        consume(job({}) | wrong, Scripted())


def test_a_job_is_no_warm_up() -> None:
    event = recorded("batch-operations-2.0")
    assert tells_of_objects(event)
    assert not is_warm_up(event)
