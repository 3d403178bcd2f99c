"""Where results go, as serverless.yml has it, and how the tests read them."""

import json
from dataclasses import dataclass
from typing import Any, Self

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from app.events.row import PARTITION_KEY, SORT_KEY
from tests.aws.moto import REGION, Cloud

TABLE_KEYS = {
    "AttributeDefinitions": [
        {"AttributeName": PARTITION_KEY, "AttributeType": "S"},
        {"AttributeName": SORT_KEY, "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
        {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
    ],
}


@dataclass(frozen=True)
class Results:
    cloud: Cloud
    table: str
    bus: str
    caught: str
    """The address of a queue that takes every event of the bus."""

    @classmethod
    def create(cls, cloud: Cloud, name: str) -> Self:
        cloud.client("dynamodb").create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", **TABLE_KEYS
        )
        sqs, events = cloud.client("sqs"), cloud.client("events")
        caught = sqs.create_queue(QueueName=name)["QueueUrl"]
        events.create_event_bus(Name=name)
        events.put_rule(
            Name=name, EventBusName=name, EventPattern=json.dumps({"source": ["spotter"]})
        )
        arn = f"arn:aws:sqs:{REGION}:123456789012:{name}"
        events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "q", "Arn": arn}])
        return cls(cloud, name, name, caught)

    def rows(self) -> list[dict[str, Any]]:
        return [item for item in self.items() if not item[PARTITION_KEY].startswith("#")]

    def index(self) -> list[dict[str, Any]]:
        return [item for item in self.items() if item[PARTITION_KEY].startswith("#")]

    def items(self) -> list[dict[str, Any]]:
        """Rows and index items, as a scan of the table finds them."""
        deserialize = TypeDeserializer().deserialize
        pages = self.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=self.table)
        return [
            {name: deserialize(value) for name, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]

    def put(self, row: dict[str, Any]) -> None:
        """The row alone, as it is."""
        serialize = TypeSerializer().serialize
        item = {name: serialize(value) for name, value in row.items()}
        self.cloud.client("dynamodb").put_item(TableName=self.table, Item=item)

    def announced(self) -> list[dict[str, Any]]:
        """Takes them."""
        sqs = self.cloud.client("sqs")
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(
            QueueUrl=self.caught, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
        return found
