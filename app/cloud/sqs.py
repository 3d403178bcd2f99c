"""One SQS queue: receives, hides, deletes and sends messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from app.cloud.boto_client import Connection
from app.errors import StartError

T = TypeVar("T")

BATCH = 10
"""Most messages that SQS sends or accepts in one request."""
_WAIT_SECONDS = 10
_SEND_ATTEMPTS = 3


@dataclass(frozen=True)
class Message:
    id: str
    receipt: str
    body: str


class Queue:
    """Safe to use from several threads at once; its methods raise what boto3 raises."""

    def __init__(self, url: str) -> None:
        """Raises StartError if boto3 is not installed."""
        self.url = url
        self.connection = Connection("sqs", attempts=5)

    @classmethod
    def find(cls, url_or_name: str) -> "Queue":
        """Raises StartError, in one line, if the queue does not exist or may not be used."""
        queue = cls(url_or_name)
        client = queue.connection.client
        try:
            if "://" not in url_or_name:
                queue.url = client.get_queue_url(QueueName=url_or_name)["QueueUrl"]
            client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])
        except Exception as error:
            raise StartError(f"The queue {url_or_name[:200]!r} cannot be used: {error}") from error
        return queue

    def receive(self, hidden_seconds: int) -> list[Message]:
        """Waits for messages and returns up to ten, hidden from others for ``hidden_seconds``."""
        answer = self.connection.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=_WAIT_SECONDS,
            VisibilityTimeout=hidden_seconds,
        )
        return [
            Message(one["MessageId"], one["ReceiptHandle"], one["Body"])
            for one in answer.get("Messages", [])
        ]

    def delete(self, messages: Sequence[Message]) -> None:
        """Deletes messages. One that cannot be deleted comes again."""
        for few in batches(messages):
            entries = [{"Id": str(n), "ReceiptHandle": one.receipt} for n, one in enumerate(few)]
            self.connection.client.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def hide(self, messages: Sequence[Message], seconds: int) -> None:
        """Hides the messages from others for ``seconds`` from now; 0 shows them at once."""
        for few in batches(messages):
            entries = [
                {"Id": str(n), "ReceiptHandle": one.receipt, "VisibilityTimeout": seconds}
                for n, one in enumerate(few)
            ]
            self.connection.client.change_message_visibility_batch(
                QueueUrl=self.url, Entries=entries
            )

    def send(self, bodies: Sequence[str]) -> list[int]:
        """Sends ``bodies``, with retries. Returns the indexes of those that SQS refused."""
        waiting = list(range(len(bodies)))
        for _ in range(_SEND_ATTEMPTS):
            waiting = [index for few in batches(waiting) for index in self._send(bodies, few)]
            if not waiting:
                break
        return waiting

    def _send(self, bodies: Sequence[str], indexes: Sequence[int]) -> Iterator[int]:
        entries = [{"Id": str(index), "MessageBody": bodies[index]} for index in indexes]
        answer: dict[str, Any] = self.connection.client.send_message_batch(
            QueueUrl=self.url, Entries=entries
        )
        for failure in answer.get("Failed", []):
            yield int(failure["Id"])


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Splits ``items`` into parts that fit into one request to SQS."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
