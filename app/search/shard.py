"""Reads one shard of a label's index page by page, most probable object first."""

from collections import deque
from typing import Any

from app.cloud.boto_client import Connection
from app.cloud.dynamodb import Item, packed, unpacked
from app.search.keys import PARTITION_KEY, SORT_KEY, before


class Shard:
    def __init__(self, connection: Connection, table: str, name: str, low: str, high: str) -> None:
        """Reads the positions from ``low`` to ``high`` in the partition ``name``."""
        self._connection = connection
        self._table = table
        self._name = name
        self._low = low
        self._high = high
        self._items: deque[Item] = deque()
        self.is_read = False
        """Whether the shard has been read to its end."""
        self.items_read = 0

    def __len__(self) -> int:
        """Number of items that were read and not taken yet."""
        return len(self._items)

    @property
    def position(self) -> str:
        """Position of the next item; empty if there is none."""
        return str(self._items[0][SORT_KEY]) if self._items else ""

    def take(self) -> Item:
        return self._items.popleft()

    def read(self, count: int) -> None:
        """Reads up to ``count`` more items. Raises what boto3 raises."""
        if self._high < self._low:
            self.is_read = True
            return
        answer = self._connection.client.query(
            TableName=self._table,
            KeyConditionExpression="#name = :name AND #position BETWEEN :low AND :high",
            ExpressionAttributeNames={"#name": PARTITION_KEY, "#position": SORT_KEY},
            ExpressionAttributeValues=self._values(),
            ScanIndexForward=False,
            Limit=count,
        )
        found = [unpacked(item) for item in answer["Items"]]
        self._items.extend(found)
        self.items_read += len(found)
        self.is_read = "LastEvaluatedKey" not in answer
        if found:
            self._high = before(found[-1][SORT_KEY])

    def _values(self) -> dict[str, Any]:
        return packed({":name": self._name, ":low": self._low, ":high": self._high})
