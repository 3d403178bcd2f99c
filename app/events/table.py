"""The DynamoDB table of rows, written so that a delivery that comes twice changes nothing."""

from typing import Any

from app.cloud.boto_client import Connection
from app.events.row import ANNOUNCED, PARTITION_KEY, SEQUENCER, SORT_KEY, Row

_ATTEMPTS = 5


class Table:
    """Its methods raise what boto3 raises, for the caller to try again later."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connection = Connection("dynamodb", _ATTEMPTS)

    def find(self, key: Row) -> Row | None:
        answer = self.connection.client.get_item(
            TableName=self.name, Key=_packed(key), ConsistentRead=True
        )
        return _unpacked(answer["Item"]) if "Item" in answer else None

    def put_newer(self, row: Row) -> bool:
        """Whether the table had no such row, or one of an older sequencer."""
        client = self.connection.client
        try:
            client.put_item(
                TableName=self.name,
                Item=_packed(row),
                ConditionExpression="attribute_not_exists(#key) OR #sequencer < :sequencer",
                ExpressionAttributeNames={"#key": PARTITION_KEY, "#sequencer": SEQUENCER},
                ExpressionAttributeValues=_packed({":sequencer": row[SEQUENCER]}),
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def mark_announced(self, row: Row) -> None:
        """Unless a newer row has taken its place."""
        client = self.connection.client
        try:
            client.update_item(
                TableName=self.name,
                Key=_packed({name: row[name] for name in (PARTITION_KEY, SORT_KEY)}),
                UpdateExpression="SET #announced = :true",
                ConditionExpression="#sequencer = :sequencer",
                ExpressionAttributeNames={"#announced": ANNOUNCED, "#sequencer": SEQUENCER},
                ExpressionAttributeValues=_packed({":true": True, ":sequencer": row[SEQUENCER]}),
            )
        except client.exceptions.ConditionalCheckFailedException:
            return


def _packed(row: Row) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in row.items()}


def _unpacked(item: dict[str, Any]) -> Row:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}
