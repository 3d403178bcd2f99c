"""``python -m app.events.worker QUEUE``: annotates the objects named in a queue, without Lambda.

Several threads receive messages and process them as the function does. There are more threads than
cores, since each waits for AWS most of the time. After SIGTERM each finishes its image and returns
its remaining messages to the queue.
"""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.cloud.sqs import Message, Queue
from app.errors import StartError
from app.events.consumer import Consumer
from app.events.held_messages import HeldMessages
from app.events.setup import create_annotator
from app.observability import json_log
from app.service.loading import load_detector
from app.settings import load_settings
from app.vision.runtime.limits import usable_cores

_HIDDEN_SECONDS = 60
_THREADS_OF_A_CORE = 3
_LONGEST_PAUSE_SECONDS = 30
_A_LONG_TIME_MS = 1 << 30
_log = logging.getLogger("spotter.events")


class Worker:
    def __init__(
        self, queue: Queue, consumer: Consumer, hidden_seconds: int = _HIDDEN_SECONDS
    ) -> None:
        """``hidden_seconds`` is the visibility timeout, which is renewed while a worker lives."""
        self.queue = queue
        self.consumer = consumer
        self.hidden_seconds = hidden_seconds
        self._held = HeldMessages(queue, hidden_seconds)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """May be called from a signal handler."""
        self._stopping.set()

    def run(self, threads: int) -> None:
        """Runs until ``stop`` is called and no message is held any more."""
        done = threading.Event()
        extending = threading.Thread(target=self._held.extend_until, args=(done,), daemon=True)
        extending.start()
        try:
            with ThreadPoolExecutor(threads, thread_name_prefix="worker") as pool:
                for thread in [pool.submit(self._work) for _ in range(threads)]:
                    thread.result()
        finally:
            done.set()
            extending.join()

    def get_remaining_time_in_millis(self) -> int:
        """Imitates Lambda's context: with 0 ms left, the consumer hands back further messages."""
        return 0 if self._stopping.is_set() else _A_LONG_TIME_MS

    def _work(self) -> None:
        pause = 1
        while not self._stopping.is_set():
            try:
                messages = self.queue.receive(self.hidden_seconds)
                if messages:
                    self._settle(messages, self._failed(messages))
                pause = 1
            except Exception:  # network or SQS: messages that were not deleted come again
                _log.exception("the queue cannot be reached")
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _failed(self, messages: Sequence[Message]) -> set[str]:
        """Processes the messages and returns the ids of those that failed."""
        with self._held.hold(messages):
            answer = self.consumer.consume(_as_event(messages), self) or {}
        return {failure["itemIdentifier"] for failure in answer.get("batchItemFailures", [])}

    def _settle(self, messages: Sequence[Message], failed: set[str]) -> None:
        self.queue.delete([message for message in messages if message.id not in failed])
        if self._stopping.is_set():  # otherwise failed messages come again after the timeout
            self.queue.hide([message for message in messages if message.id in failed], 0)


def _as_event(messages: Sequence[Message]) -> dict[str, Any]:
    """The event that Lambda would pass to the function."""
    return {
        "Records": [
            {
                "eventSource": "aws:sqs",
                "messageId": message.id,
                "receiptHandle": message.receipt,
                "body": message.body,
            }
            for message in messages
        ]
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m app.events.worker",
        description="Annotate the images named in the messages of an SQS queue. The settings are"
        " those of the service; SPOTTER_TABLE is required.",
    )
    parser.add_argument("queue", metavar="QUEUE_URL", help="URL or name of the queue")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        json_log.configure(settings.log_level)
        queue = Queue.find(options.queue)
        worker = Worker(queue, Consumer(create_annotator(settings, load_detector(settings))))
    except StartError as error:
        print(f"worker: {error}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run(settings.concurrency or _THREADS_OF_A_CORE * usable_cores())
    return 0


if __name__ == "__main__":
    sys.exit(main())
