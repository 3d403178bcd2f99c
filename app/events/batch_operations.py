"""Events of S3 Batch Operations, which visits all objects of a manifest and reports on each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote_plus

from app.errors import Overloaded, SpotterError
from app.events.annotator import Outcome
from app.events.envelopes import NotUnderstood
from app.events.notice import Notice

_MOST_TASKS = 1000
_LONGEST_RESULT = 500  # characters
_BUCKET_ARN = ":s3:::"
_TRUE = ("true", "1", "yes")


def is_job(event: Mapping[str, Any]) -> bool:
    return "invocationSchemaVersion" in event and "tasks" in event


@dataclass(frozen=True)
class Task:
    id: str
    notice: Notice | None
    """None if the task's bucket, key or version cannot be read."""


@dataclass(frozen=True)
class TaskResult:
    code: str
    text: str

    @classmethod
    def refused(cls, text: str) -> Self:
        """A failure that S3 does not retry."""
        return cls("PermanentFailure", text)

    @classmethod
    def postponed(cls, text: str) -> Self:
        """A failure that S3 retries."""
        return cls("TemporaryFailure", text)

    @classmethod
    def of(cls, outcome: Outcome | Exception) -> Self:
        if isinstance(outcome, Exception):
            text = f"{type(outcome).__name__}: {outcome}"
            is_final = isinstance(outcome, SpotterError) and not isinstance(outcome, Overloaded)
            return cls.refused(text) if is_final else cls.postponed(text)
        if outcome in (Outcome.UNREADABLE, Outcome.MISSING, Outcome.REMOVED):
            return cls.refused(outcome.value)
        return cls("Succeeded", outcome.value)


@dataclass(frozen=True)
class Job:
    version: str
    """Version of the event's schema: "1.0" or "2.0"."""
    invocation: str
    tasks: list[Task]

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Self:
        """Raises NotUnderstood if the event cannot be answered."""
        tasks = event["tasks"]
        version, invocation = event["invocationSchemaVersion"], event.get("invocationId")
        if not isinstance(version, str) or not isinstance(invocation, str):
            raise NotUnderstood("a job without a version or an id")
        if not isinstance(tasks, list) or len(tasks) > _MOST_TASKS:
            raise NotUnderstood("a job without a list of tasks, or with too many")
        return cls(version, invocation, [_task(task, _is_stale(event)) for task in tasks])

    def answer(self, results: Sequence[TaskResult]) -> dict[str, Any]:
        """``results`` are in the order of the tasks."""
        return {
            "invocationSchemaVersion": self.version,
            "treatMissingKeysAs": "TemporaryFailure",
            "invocationId": self.invocation,
            "results": [
                {
                    "taskId": task.id,
                    "resultCode": result.code,
                    "resultString": result.text[:_LONGEST_RESULT],
                }
                for task, result in zip(self.tasks, results, strict=True)
            ],
        }


def _is_stale(event: Mapping[str, Any]) -> bool:
    """The job's argument ``stale``: annotate again what another model annotated."""
    job = event.get("job")
    arguments = job.get("userArguments") if isinstance(job, Mapping) else None
    given = arguments.get("stale") if isinstance(arguments, Mapping) else None
    return str(given).lower() in _TRUE


def _task(task: object, stale: bool) -> Task:
    if not isinstance(task, Mapping) or not isinstance(task.get("taskId"), str):
        raise NotUnderstood("a task without an id")
    try:
        key = _text(task["s3Key"])
        # Schema 1.0 has the bucket's ARN, 2.0 its name.
        bucket = _text(task.get("s3Bucket") or task["s3BucketArn"])
        version = task.get("s3VersionId")
        notice = Notice(
            bucket.rpartition(_BUCKET_ARN)[2],
            unquote_plus(key, errors="strict"),
            None if version in (None, "") else _text(version),
            stale=stale,
        )
    except (KeyError, TypeError, ValueError):
        return Task(task["taskId"], None)
    return Task(task["taskId"], notice)


def _text(value: object) -> str:
    """Raises TypeError if it is not a string, and ValueError if it is not valid Unicode."""
    if not isinstance(value, str):
        raise TypeError
    value.encode()
    return value
