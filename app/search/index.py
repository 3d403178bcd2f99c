"""Finds the objects that show a label, most probable first, with queries to the index only."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from app.cloud.boto_client import Connection
from app.errors import InvalidParameter, StorageBusy
from app.search.keys import HIGHEST, SHARDS, SORT_KEY, above, before, folded, is_position, partition
from app.search.question import Hit, Page, Question
from app.search.shard import Shard

_MOST_ITEMS_READ = 5000
"""Most items read for one page. If few of them match, the page is short and the next page continues
from there."""
_LARGEST_READ = 250
_AT_A_TIME = 8
_RETRY_AFTER_SECONDS = 2
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
    }
)


class LabelIndex:
    """Safe to use from several threads at once."""

    def __init__(self, table: str) -> None:
        """Raises StartError if boto3 is not installed."""
        self.table = table
        self.connection = Connection("dynamodb", attempts=4)
        self._pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="search")

    def search(self, question: Question, limit: int, cursor: str | None = None) -> Page:
        """Returns at most ``limit`` hits, starting at ``cursor`` if there is one.

        Raises InvalidParameter if ``cursor`` is not from an earlier page, StorageBusy if DynamoDB
        is busy or cannot be reached.
        """
        if cursor is not None and not is_position(cursor):
            raise InvalidParameter(f"cursor={cursor[:50]}: take it from the previous answer.")
        low = above(question.above)
        high = before(cursor) if cursor else HIGHEST
        label = folded(question.label)
        names = [partition(label, number) for number in range(SHARDS)]
        shards = [Shard(self.connection, self.table, name, low, high) for name in names]
        with _dynamodb_errors():
            return self._merged(question, limit, shards)

    def _merged(self, question: Question, limit: int, shards: list[Shard]) -> Page:
        hits: list[Hit] = []
        last, now = None, time.time()
        count = 1 + -(-limit // SHARDS)
        while len(hits) < limit or not any(shards):
            if any(not (shard or shard.is_read) for shard in shards):
                if sum(shard.items_read for shard in shards) >= _MOST_ITEMS_READ:
                    break
                self._read(shards, count)
                count = min(2 * count, _LARGEST_READ)
                continue
            shard = max(shards, key=lambda shard: shard.position)
            if not shard:
                last = None
                break
            item = shard.take()
            last = str(item[SORT_KEY])
            if question.is_met_by(item, now):
                hits.append(Hit.of(item))
        return Page(hits, last, sum(shard.items_read for shard in shards))

    def _read(self, shards: list[Shard], count: int) -> None:
        """Reads the shards with few items left, since they run out next."""
        few = [shard for shard in shards if not shard.is_read and 4 * len(shard) <= count]
        list(self._pool.map(lambda shard: shard.read(count), few))


@contextmanager
def _dynamodb_errors() -> Iterator[None]:
    from botocore import exceptions as boto

    try:
        yield
    except boto.ClientError as error:
        if error.response["Error"].get("Code") in _TRANSIENT:
            raise StorageBusy("DynamoDB is busy. Try again later.", _RETRY_AFTER_SECONDS) from error
        raise
    except (boto.HTTPClientError, boto.ConnectionError) as error:
        raise StorageBusy(
            "The table cannot be reached. Try again later.", _RETRY_AFTER_SECONDS
        ) from error
