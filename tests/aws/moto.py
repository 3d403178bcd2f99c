"""S3, SQS, DynamoDB and EventBridge as moto's server plays them, for boto3 over real HTTP."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import httpx

from benchmarks.harness.process import held_port

REGION = "us-east-1"


@dataclass(frozen=True)
class Cloud:
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What makes boto3 talk to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def bucket(self, name: str, *, versioned: bool = False) -> str:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name


_PROGRAM = """
import collections, copy, functools, sys, threading
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.server import main
from werkzeug.serving import WSGIRequestHandler

lock = threading.RLock()

def one_at_a_time(method):
    @functools.wraps(method)
    def locked(*args, **kwargs):
        with lock:
            return method(*args, **kwargs)
    return locked

for kind in ("get_item", "query", "scan", "put_item", "update_item", "delete_item"):
    setattr(DynamoDBBackend, kind, one_at_a_time(getattr(DynamoDBBackend, kind)))

def kept(table, memo):
    other = copy.copy(table)
    other.items = collections.defaultdict(dict)
    for key, found in table.items.items():
        other.items[key] = dict(found) if isinstance(found, dict) else found
    return other

Table.__deepcopy__ = kept
transact = DynamoDBBackend.transact_write_items
DynamoDBBackend.transact_write_items = one_at_a_time(transact)
if sys.argv.pop(1) == "keep":
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
main(sys.argv[1:])
"""
"""When a transaction is cancelled, moto puts back the whole table as it was before it, without what
others have written meanwhile. With the lock one is done after the other, as if by DynamoDB. moto
keeps a deep copy of the table for every action; one of the keys does if only the first action has
a condition or changes an item in place, as with ours."""


@contextmanager
def run_cloud(*, keeps_connections: bool = False) -> Iterator[Cloud]:
    """``keeps_connections``: for the next request, as AWS does and moto does not by itself."""
    kept = "keep" if keeps_connections else "close"
    with held_port() as port:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, kept, "-p", str(port)],
            env={**os.environ, "AWS_DEFAULT_REGION": REGION},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(url, process)
            yield Cloud(url)
        finally:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError("moto's server did not start.")
        try:
            if httpx.get(f"{url}/moto-api/", timeout=60, trust_env=False).status_code < 500:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("moto's server was not ready in 300 s.")
