"""DynamoDB with items as plain dictionaries, and atomic writes."""

import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.cloud.boto_client import Connection
from app.cloud.direct_requests import DirectRequests

Item = dict[str, Any]

_TARGET = "DynamoDB_20120810"
_CONTENT_TYPE = "application/x-amz-json-1.0"
_METHODS = {
    "Query": "query",
    "TransactWriteItems": "transact_write_items",
    "PutItem": "put_item",
    "DeleteItem": "delete_item",
    "UpdateItem": "update_item",
}
_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.05
_FAILED_CONDITIONS = frozenset({"ConditionalCheckFailed"})
_TRANSIENT = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons to try again."""


class Outdated(Exception):
    """Another worker has written an item since it was read."""


def packed(item: Mapping[str, Any]) -> Item:
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}


def unpacked(item: Mapping[str, Any]) -> Item:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


class DynamoDb:
    """Calls DynamoDB directly. If that fails, it uses boto3, which raises the error."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._direct = DirectRequests(connection)

    def query(self, **parameters: Any) -> Iterator[Item]:
        """Yields the packed items of all pages."""
        while True:
            page = self._call("Query", parameters)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def write(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Does at most 100 actions in one transaction: all of them or none.

        Raises Outdated if a condition fails, or what boto3 raises. If a conflict with another
        transaction or a throttled partition cancels the actions, it retries a few times.
        """
        from botocore.exceptions import ClientError

        for attempt in range(_ATTEMPTS):
            try:
                self._write(actions)
            except ClientError as error:
                reasons = _reasons(error)
                if reasons & _FAILED_CONDITIONS:
                    raise Outdated from error
                if not reasons & _TRANSIENT or attempt == _ATTEMPTS - 1:
                    raise
                pause = _FIRST_PAUSE_SECONDS * 2**attempt
                time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            else:
                return

    def _write(self, actions: Sequence[Mapping[str, Any]]) -> None:
        if len(actions) > 1:
            # The token makes the transaction idempotent if it is sent twice.
            token = str(uuid.uuid4())
            self._call(
                "TransactWriteItems", {"TransactItems": actions, "ClientRequestToken": token}
            )
            return
        # A single action needs no transaction, which costs twice as much.
        ((kind, details),) = actions[0].items()
        self._call(f"{kind}Item", details)

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"x-amz-target": f"{_TARGET}.{operation}", "content-type": _CONTENT_TYPE}
        body = json.dumps(parameters).encode()
        answer = self._direct.send("POST", "/", headers, body)
        if answer is not None:
            found: dict[str, Any] = json.loads(answer.body)
            return found
        client = self.connection.client
        called: dict[str, Any] = getattr(client, _METHODS[operation])(**parameters)
        return called


def _reasons(error: Any) -> set[str]:
    """Codes of the reasons for which DynamoDB refused the request or the transaction's actions."""
    cancelled = error.response.get("CancellationReasons", [])
    codes = [error.response["Error"].get("Code"), *(reason.get("Code") for reason in cancelled)]
    return {str(code).removesuffix("Exception") for code in codes}
