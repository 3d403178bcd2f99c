"""Sends the objects of a bucket to a queue, whose functions or workers annotate them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from urllib.parse import quote_plus

from tqdm import tqdm

from app.cloud.sqs import BATCH, Queue, batches
from app.events.notice import STALE
from app.events.progress import Progress

SENT = "sent"
FAILED = "failed"

_AT_A_TIME = 8
_BETWEEN_SAVES = 50 * BATCH


def enqueue(
    queue: Queue, bucket: str, keys: Iterable[str], progress: Progress, *, stale: bool
) -> "Counter[str]":
    """Returns the numbers of sent and failed messages. The next run starts with the failed."""
    counts: Counter[str] = Counter()
    waiting = iter(keys)
    with ThreadPoolExecutor(_AT_A_TIME) as pool, tqdm(unit="object", disable=None) as bar:
        while several := list(islice(waiting, _BETWEEN_SAVES)):
            parts = list(batches(several))
            sent = pool.map(lambda part: _send(queue, bucket, part, stale), parts)
            for batch, refused in zip(parts, sent, strict=True):
                for key in batch:
                    progress.note(key, failed=key in refused)
                counts[FAILED] += len(refused)
                counts[SENT] += len(batch) - len(refused)
                bar.update(len(batch))
            progress.save()
    return +counts


def message(bucket: str, key: str, *, stale: bool) -> str:
    """A message like one from S3, but without a sequencer, so that it replaces no newer row."""
    event = {
        "eventVersion": "2.1",
        "eventSource": "spotter:s3",
        "eventName": STALE if stale else "ObjectCreated:Backfill",
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/")}},
    }
    return json.dumps({"Records": [event]})


def _send(queue: Queue, bucket: str, keys: Sequence[str], stale: bool) -> set[str]:
    """Returns the keys whose messages could not be sent."""
    try:
        refused = queue.send([message(bucket, key, stale=stale) for key in keys])
    except Exception as error:  # go on with the other batches
        tqdm.write(f"{keys[0]} and {len(keys) - 1} more: {error}")
        return set(keys)
    return {keys[index] for index in refused}
