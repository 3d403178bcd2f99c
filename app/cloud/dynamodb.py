"""Items of DynamoDB as plain dictionaries, and writes that are done as a whole or not at all."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.cloud.boto_client import Connection

Item = dict[str, Any]

_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.05
_UNMET = frozenset({"ConditionalCheckFailed"})
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons that another try may find gone."""


class Outdated(Exception):
    """An item is not as it was when it was read: another worker has written it since."""


def packed(item: Mapping[str, Any]) -> Item:
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}


def unpacked(item: Mapping[str, Any]) -> Item:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


def write(connection: Connection, actions: Sequence[Mapping[str, Any]]) -> None:
    """At most 100 actions of a transaction, all or none of which are done.

    Raises Outdated if a condition of one fails, or what boto3 raises. A conflict with another
    transaction and a throttled partition cancel all actions; then it tries again a few times.
    """
    from botocore.exceptions import ClientError

    for attempt in range(_ATTEMPTS):
        try:
            _write(connection.client, actions)
        except ClientError as error:
            reasons = _reasons(error)
            if reasons & _UNMET:
                raise Outdated from error
            if not reasons & _PASSING or attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1))  # noqa: S311
        else:
            return


def _write(client: Any, actions: Sequence[Mapping[str, Any]]) -> None:
    if len(actions) > 1:
        client.transact_write_items(TransactItems=actions)
        return
    # One action alone needs no transaction, which costs twice as much.
    ((kind, details),) = actions[0].items()
    single = {"Put": client.put_item, "Delete": client.delete_item, "Update": client.update_item}
    single[kind](**details)


def _reasons(error: Any) -> set[str]:
    """Why DynamoDB refused: one code, or those of a transaction's actions."""
    cancelled = error.response.get("CancellationReasons", [])
    codes = [error.response["Error"].get("Code"), *(reason.get("Code") for reason in cancelled)]
    return {str(code).removesuffix("Exception") for code in codes}
