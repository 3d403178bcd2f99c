"""Sends ``ObjectsDetected`` events to an EventBridge bus."""

import json
from decimal import Decimal
from typing import Any

from app.cloud.boto_client import Connection
from app.events.row import ANNOUNCED, EXPIRES, INDEXED, REVISION, SEQUENCER, Row

SOURCE = "spotter"
DETAIL_TYPE = "ObjectsDetected"
_MOST_BYTES = 200_000  # of the 256 KB that an entry may have
_INTERNAL = {ANNOUNCED, EXPIRES, INDEXED, REVISION, SEQUENCER}


class BusRefused(Exception):
    pass


class Bus:
    def __init__(self, name: str) -> None:
        self.name = name
        self.connection = Connection("events", attempts=5)

    def announce(self, row: Row) -> None:
        """Raises BusRefused, or what boto3 raises."""
        answer = self.connection.client.put_events(
            Entries=[
                {
                    "EventBusName": self.name,
                    "Source": SOURCE,
                    "DetailType": DETAIL_TYPE,
                    "Detail": _detail(row),
                }
            ]
        )
        if answer["FailedEntryCount"]:
            entry = answer["Entries"][0]
            raise BusRefused(f"{self.name}: {entry.get('ErrorCode')} {entry.get('ErrorMessage')}")


def _detail(row: Row) -> str:
    """The row as JSON. Detections that would not fit are left out: the table has them."""
    detail = {name: value for name, value in row.items() if name not in _INTERNAL}
    text = json.dumps(detail, default=_number)
    if len(text) <= _MOST_BYTES:
        return text
    return json.dumps({**detail, "detections": None, "truncated": True}, default=_number)


def _number(value: Any) -> float | int:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value)} is not a number")
    return int(value) if value == value.to_integral_value() else float(value)
