"""Events of S3 in each of their forms, from whole recorded ones with the object filled in."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

Event = dict[str, Any]


def recorded(name: str) -> Event:
    event: Event = json.loads((Path(__file__).parent / f"recorded/{name}.json").read_text())
    return event


def s3_event(
    bucket: str, *keys: str, sequencer: str = "0C0F6F405D6ED209E1", version: str | None = None
) -> Event:
    event = recorded("s3")
    (record,) = event["Records"]
    event["Records"] = []
    for key in keys:
        one = json.loads(json.dumps(record))
        one["s3"]["bucket"] |= {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}
        one["s3"]["object"] |= {"key": quote_plus(key, safe="/"), "sequencer": sequencer}
        if version:
            one["s3"]["object"]["versionId"] = version
        event["Records"].append(one)
    return event


def bridge_event(
    bucket: str, key: str, sequencer: str = "617f08299329d189", version: str | None = None
) -> Event:
    event = recorded("event-bridge")
    event["resources"] = [f"arn:aws:s3:::{bucket}"]
    event["detail"]["bucket"]["name"] = bucket
    event["detail"]["object"] |= {"key": key, "sequencer": sequencer}
    if version:
        event["detail"]["object"]["version-id"] = version
    else:
        del event["detail"]["object"]["version-id"]
    return event


def queue_event(*bodies: object) -> Event:
    """One message for each of ``bodies``; their ids are "0", "1" and so on."""
    event = recorded("sqs")
    (record,) = event["Records"]
    event["Records"] = [
        {
            **record,
            "messageId": str(number),
            "body": body if isinstance(body, str) else json.dumps(body),
        }
        for number, body in enumerate(bodies)
    ]
    return event


def sns_event(*messages: object) -> Event:
    """What SNS hands to a function: one record for each of ``messages``."""
    event = recorded("sns")
    (record,) = event["Records"]
    event["Records"] = [
        {**record, "Sns": {**record["Sns"], "Message": json.dumps(message)}} for message in messages
    ]
    return event


def sns_notification(message: object) -> Event:
    """What SNS sends to a queue, unless it delivers raw messages."""
    (record,) = sns_event(message)["Records"]
    notification: Event = record["Sns"]
    return notification
