"""The DynamoDB table of rows and of the index over their labels.

A row and its index items are written and deleted in one transaction, on condition that the row has
not changed since it was read. So they are consistent even if a worker crashes.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from app.cloud.boto_client import Connection
from app.cloud.dynamodb import DynamoDb, Outdated, packed, unpacked
from app.events.row import (
    ANNOUNCED,
    INDEXED,
    PARTITION_KEY,
    REVISION,
    SORT_KEY,
    SUMMARY,
    Row,
    new_revision,
)
from app.search.items import index_items, index_keys, labels_for_index

_ATTEMPTS = 5
_NAMES = {f"#{name}": name for name in SUMMARY}

Action = dict[str, Any]


class Table:
    """Its methods raise what boto3 raises; the caller may retry later.

    Methods that write raise Outdated if the given row is not, or no longer, in the table.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.connection = Connection("dynamodb", _ATTEMPTS)
        self._database = DynamoDb(self.connection)

    def find(self, key: Row) -> Row | None:
        answer = self.connection.client.get_item(
            TableName=self.name, Key=packed(_key(key)), ConsistentRead=True
        )
        return unpacked(answer["Item"]) if "Item" in answer else None

    def rows_of(self, name: str) -> list[Row]:
        """The rows of all versions of the object ``bucket#key``, with the ``SUMMARY`` only."""
        items = self._database.query(
            TableName=self.name,
            ConsistentRead=True,
            KeyConditionExpression=f"#{PARTITION_KEY} = :name",
            ExpressionAttributeNames=_NAMES,
            ExpressionAttributeValues=packed({":name": name}),
            ProjectionExpression=", ".join(_NAMES),
        )
        return [unpacked(item) for item in items]

    def replace(self, old: Row | None, new: Row, *, searchable: bool) -> None:
        """Replaces ``old``, if there is one, by ``new``, with index items if ``searchable``."""
        if searchable:
            new[INDEXED] = labels_for_index(new)
        items = index_items(new, new[INDEXED]) if searchable else []
        put = {"Item": packed(new), **_condition(old)}
        self._write([{"Put": put}, *self._puts(items), *self._deletes(old, but=items)])

    def remove(self, old: Row) -> None:
        """Deletes the row and its index items."""
        delete = {"Key": packed(_key(old)), **_condition(old)}
        self._write([{"Delete": delete}, *self._deletes(old)])

    def hide(self, old: Row) -> None:
        """Deletes the index items of a row, but not the row."""
        self._write([self._update(old, {}, drop=INDEXED), *self._deletes(old)])

    def show(self, old: Row) -> None:
        """Writes the index items of a row that has none."""
        whole = self.find(old)
        if whole is None or whole.get(REVISION) != old.get(REVISION):
            raise Outdated
        labels = labels_for_index(whole)
        items = index_items(whole, labels)
        self._write([self._update(old, {INDEXED: labels}), *self._puts(items)])

    def mark_announced(self, row: Row) -> None:
        """Does nothing if the row has been replaced meanwhile."""
        try:
            self._write([self._update(row, {ANNOUNCED: True})])
        except Outdated:
            return

    def _puts(self, items: list[Row]) -> Iterator[Action]:
        for item in items:
            yield {"Put": {"Item": packed(item)}}

    def _deletes(self, old: Row | None, but: list[Row] | None = None) -> Iterator[Action]:
        """Yields deletions of the index items of ``old``, except those that ``but`` overwrites."""
        labels: Mapping[str, Decimal] = (old or {}).get(INDEXED, {})
        if old is None or not labels:
            return
        kept = {(item[PARTITION_KEY], item[SORT_KEY]) for item in but or ()}
        for key in index_keys(old, labels):
            if (key[PARTITION_KEY], key[SORT_KEY]) not in kept:
                yield {"Delete": {"Key": packed(key)}}

    def _update(self, old: Row, values: Row, drop: str | None = None) -> Action:
        """Gives ``old`` a new revision: workers that read the earlier one cannot write any more."""
        condition = _condition(old)
        old[REVISION] = new_revision()
        given = values | {REVISION: old[REVISION]}
        names = {f"#{name}": name for name in (*given, drop) if name}
        expression = f"SET {', '.join(f'#{name} = :new_{name}' for name in given)}"
        return {
            "Update": {
                "Key": packed(_key(old)),
                "UpdateExpression": f"{expression} REMOVE #{drop}" if drop else expression,
                "ConditionExpression": condition["ConditionExpression"],
                "ExpressionAttributeNames": names | condition["ExpressionAttributeNames"],
                "ExpressionAttributeValues": {
                    **packed({f":new_{name}": value for name, value in given.items()}),
                    **condition.get("ExpressionAttributeValues", {}),
                },
            }
        }

    def _write(self, actions: list[Action]) -> None:
        for action in actions:
            for details in action.values():
                details["TableName"] = self.name
        self._database.write(actions)


def _key(row: Row) -> Row:
    return {name: row[name] for name in (PARTITION_KEY, SORT_KEY)}


def _condition(old: Row | None) -> Action:
    """Condition that the row is still ``old``. Earlier versions of Spotter wrote no revision."""
    if old is None:
        return {
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": PARTITION_KEY},
        }
    names = {"#key": PARTITION_KEY, "#revision": REVISION}
    if REVISION not in old:
        return {
            "ConditionExpression": "attribute_exists(#key) AND attribute_not_exists(#revision)",
            "ExpressionAttributeNames": names,
        }
    return {
        "ConditionExpression": "#revision = :revision",
        "ExpressionAttributeNames": {"#revision": REVISION},
        "ExpressionAttributeValues": packed({":revision": old[REVISION]}),
    }
