"""``python -m app.events.worker`` and ``backfill --enqueue``, against SQS as moto plays it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from app.cloud.sqs import Message, Queue
from app.events import backfill, worker
from app.events.annotator import Annotator, Outcome
from app.events.consumer import Consumer
from app.events.enqueue import enqueue, message
from app.events.notice import Notice, notices
from app.events.progress import Progress
from app.events.worker import Worker
from tests.events.results import Results
from tests.events.throttle import Throttle, throttled
from tests.eventually import eventually
from tests.http.client import drawn
from tests.server import LIMIT, REPOSITORY, START_LIMIT, environment


class Scripted:
    """Stands for the annotator."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.began = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()

    def annotate(self, notice: Notice) -> Outcome:
        self.began.set()
        assert self.goes_on.wait(LIMIT)
        if notice.key.startswith("bad"):
            raise OSError("no network")
        self.done.append(notice.key)
        return Outcome.ANNOTATED


@pytest.fixture
def queue(results: Results) -> Queue:
    sqs = results.cloud.client("sqs")
    name = f"w-{results.table}"
    sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})
    return Queue.find(name)


def counts(queue: Queue) -> tuple[int, int]:
    """Messages that wait, and that are hidden."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = queue.connection.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)
    return cast("tuple[int, int]", tuple(int(found["Attributes"][name]) for name in names))


@contextmanager
def working(queue: Queue, annotator: Scripted, threads: int = 2, hidden: int = 30) -> Iterator[Any]:
    running = Worker(queue, Consumer(cast("Annotator", annotator)), hidden)
    thread = threading.Thread(target=running.run, args=(threads,))
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join(LIMIT)
        assert not thread.is_alive()


def send(queue: Queue, *keys: str) -> None:
    assert queue.send([message("b", key, stale=False) for key in keys]) == []


def test_every_message_is_done_and_what_fails_stays(queue: Queue) -> None:
    keys = [f"{number}.jpg" for number in range(25)]
    send(queue, *keys, "bad.jpg")
    queue.send(["not JSON"])
    annotator = Scripted()
    with working(queue, annotator):
        eventually(lambda: len(annotator.done) == 25 and counts(queue) == (0, 2))
    assert sorted(annotator.done) == sorted(keys)


def test_messages_stay_hidden_while_they_are_worked_on(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three times in their six seconds they are hidden anew."""
    extended: list[tuple[int, int]] = []

    def hide(messages: Sequence[Message], seconds: int) -> None:
        Queue.hide(queue, messages, seconds)
        extended.append((len(messages), seconds))

    monkeypatch.setattr(queue, "hide", hide)
    send(queue, "a", "b", "c")
    annotator = Scripted()
    annotator.goes_on.clear()
    with working(queue, annotator, threads=1, hidden=6):
        assert annotator.began.wait(LIMIT)
        eventually(lambda: extended.count((3, 6)) >= 4)  # longer than they were hidden at first
        assert counts(queue) == (0, 3)
        annotator.goes_on.set()
        eventually(lambda: counts(queue) == (0, 0))
    assert sorted(annotator.done) == ["a", "b", "c"]


def test_a_worker_that_is_stopped_finishes_one_image_and_hands_back_the_rest(queue: Queue) -> None:
    send(queue, *(f"{number}" for number in range(10)))
    annotator = Scripted()
    annotator.goes_on.clear()
    with working(queue, annotator, threads=1) as running:
        assert annotator.began.wait(LIMIT)
        running.stop()
        annotator.goes_on.set()
    assert len(annotator.done) == 1
    assert counts(queue) == (9, 0)


def test_a_queue_that_is_gone_for_a_while_ends_no_worker(
    results: Results, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(queue, "a")
    throttle = Throttle(lambda number: number < 8, target="AmazonSQS")
    with throttled(results.cloud, throttle) as cloud:
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
        annotator = Scripted()
        with working(Queue(queue.url), annotator, threads=1):
            eventually(lambda: annotator.done == ["a"])
    assert throttle.refused == 8


def test_the_command_annotates_until_it_is_told_to_stop(
    results: Results, queue: Queue, scripted_model: Path
) -> None:
    bucket = results.cloud.bucket(f"b-{results.table}")
    s3 = results.cloud.client("s3")
    for number in range(12):
        s3.put_object(Bucket=bucket, Key=f"a b+{number}", Body=drawn(20, 20, encoding="JPEG"))
    sent = [message(bucket, f"a b+{number}", stale=False) for number in range(12)]
    assert queue.send(sent) == []
    settings = environment(scripted_model, 1, {"table": results.table})
    process = subprocess.Popen(
        [sys.executable, "-m", "app.events.worker", queue.url],
        cwd=REPOSITORY,
        env={**settings, **results.cloud.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        eventually(lambda: counts(queue) == (0, 0), START_LIMIT)
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, output
    assert len(results.rows()) == 12
    assert len(results.index()) == 36


def test_what_cannot_begin_says_so_in_a_line(
    results: Results,
    scripted_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SPOTTER_MODEL", str(scripted_model))
    assert worker.main(["no-such-queue"]) == 2
    assert "'no-such-queue' cannot be used" in capsys.readouterr().err
    assert backfill.main(["s3://bucket", "--enqueue", "no-such-queue"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_backfill_can_leave_the_work_to_a_queue(
    results: Results,
    queue: Queue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It needs neither a table nor a model."""
    bucket = results.cloud.bucket(f"b-{results.table}")
    names = [f"in/ü +%{number:02}.jpg" for number in range(23)]
    for name in names:
        results.cloud.client("s3").put_object(Bucket=bucket, Key=name, Body=b"")
    for name in list(os.environ):
        if name.startswith("SPOTTER_"):
            monkeypatch.delenv(name)
    progress = tmp_path / "progress.json"
    words = [f"s3://{bucket}/in", "--resume", str(progress), "--enqueue", queue.url, "--stale"]
    assert backfill.main(words) == 0
    assert capsys.readouterr().out == "23 sent\n"
    found: list[Notice] = []
    while messages := queue.receive(30):
        found += [notice for one in messages for notice in notices(json.loads(one.body))]
        if len(found) >= 23:
            break
    assert sorted(found, key=lambda notice: notice.key) == [
        Notice(bucket, name, stale=True) for name in sorted(names)
    ]
    assert backfill.main(words) == 0
    assert capsys.readouterr().out == "nothing to do\n"


def test_messages_that_cannot_be_sent_are_sent_the_next_time(
    results: Results, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress("s3://b", file=tmp_path / "progress.json")
    send_batch = Queue._send
    monkeypatch.setattr(
        Queue, "_send", lambda self, bodies, few: [i for i in few if '"bad"' in bodies[i]]
    )
    made = enqueue(queue, "b", ["a", "bad", "c"], progress, stale=False)
    assert made == {"sent": 2, "failed": 1}
    kept = Progress.load("s3://b", progress.file)
    assert (kept.after, kept.failed) == ("c", ["bad"])
    monkeypatch.setattr(Queue, "_send", send_batch)
    assert enqueue(queue, "b", list(kept.failed), kept, stale=False) == {"sent": 1}
    assert kept.failed == []
    assert counts(queue) == (1, 0)
