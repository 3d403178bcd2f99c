"""``python -m app.events.backfill s3://bucket/prefix``: annotate the objects already in a bucket.

Existing rows are kept, so it may run again, and while the function runs. ``--stale`` repeats
objects that another model annotated; ``--enqueue`` leaves the work to the workers of a queue.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path

from tqdm import tqdm

from app.cloud.boto_client import Connection
from app.cloud.sqs import Queue
from app.errors import StartError
from app.events.annotator import Annotator
from app.events.enqueue import FAILED, enqueue
from app.events.notice import Notice
from app.events.progress import Progress
from app.events.setup import create_annotator
from app.service.loading import load_detector
from app.settings import load_settings
from app.vision.runtime.limits import usable_cores

_BATCH = 64


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        bucket, prefix = _split(options.source)
        progress = Progress.load(options.source, options.resume)
        if options.enqueue:
            queue = Queue.find(options.enqueue)
            keys = chain(
                list(progress.failed), _keys(Connection("s3"), bucket, prefix, progress.after)
            )
            counts = enqueue(queue, bucket, keys, progress, stale=options.stale)
        else:
            settings = load_settings()
            annotator = create_annotator(settings, load_detector(settings))
            workers = settings.concurrency or usable_cores()
            counts = backfill(annotator, bucket, prefix, progress, workers, stale=options.stale)
    except StartError as error:
        print(f"backfill: {error}", file=sys.stderr)
        return 2
    print(", ".join(f"{number} {what}" for what, number in counts.items()) or "nothing to do")
    return 1 if counts[FAILED] else 0


def backfill(
    annotator: Annotator,
    bucket: str,
    prefix: str,
    progress: Progress,
    workers: int,
    *,
    stale: bool = False,
) -> "Counter[str]":
    """Returns objects per outcome. Failed ones are recorded in ``progress`` for the next run."""
    s3 = Connection("s3")
    total = len(progress.failed) + sum(1 for _ in _keys(s3, bucket, prefix, progress.after))
    keys = chain(list(progress.failed), _keys(s3, bucket, prefix, progress.after))
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(workers) as pool, tqdm(total=total, unit="image", disable=None) as bar:
        while batch := list(islice(keys, _BATCH)):
            noticed = [Notice(bucket, key, stale=stale) for key in batch]
            outcomes = pool.map(lambda notice: _outcome(annotator, notice), noticed)
            for key, outcome in zip(batch, outcomes, strict=True):
                progress.note(key, failed=outcome == FAILED)
                counts[outcome] += 1
                bar.update()
            progress.save()
    return counts


def _outcome(annotator: Annotator, notice: Notice) -> str:
    try:
        return annotator.annotate(notice).value
    except Exception as error:  # go on with the other images
        tqdm.write(f"{notice.key}: {error}", file=sys.stderr)
        return FAILED


def _keys(s3: Connection, bucket: str, prefix: str, after: str) -> Iterator[str]:
    """Yields keys in the order of S3, without directory placeholders."""
    pages = s3.client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, StartAfter=after
    )
    for page in pages:
        for entry in page.get("Contents", []):
            if not entry["Key"].endswith("/"):
                yield entry["Key"]


def _split(source: str) -> tuple[str, str]:
    scheme, _, rest = source.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise StartError(f"{source[:100]!r} has to be s3://bucket or s3://bucket/prefix.")
    return bucket, prefix


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.events.backfill",
        description="Annotate the images that are already in an S3 bucket. Existing rows are kept."
        " The settings are those of the service; SPOTTER_TABLE is required.",
    )
    parser.add_argument(
        "--stale",
        action="store_true",
        help="annotate images again if another model annotated them, and replace their rows",
    )
    parser.add_argument(
        "--enqueue",
        metavar="QUEUE",
        help="send the objects' names to this SQS queue (URL or name) instead of annotating them",
    )
    parser.add_argument("source", help="s3://bucket or s3://bucket/prefix")
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="save the progress in FILE, and continue from there on the next run",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
