"""Images by reference: objects in S3, with a size limit and only from allowed buckets.

Without S3, boto3 is not needed.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple, Protocol
from urllib.parse import quote

from app.cloud.boto_client import Connection
from app.cloud.direct_requests import Answer, DirectRequests
from app.errors import ImageTooLarge, InvalidObject, ObjectMissing, StorageBusy

_RETRY_AFTER = 2
_PIECE_BYTES = 1 << 20
_PLAIN_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""Matches the name of a bucket, but not the ARN of an access point."""
_UNQUOTED = "/-._~"


class _Stream(Protocol):
    def read(self, amount: int, /) -> bytes: ...


class StoredObject(NamedTuple):
    bucket: str
    key: str
    version: str | None
    """The version's id; None if the bucket is not versioned."""
    etag: str
    size: int

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self.key}"[:200]


class Storage:
    """Safe to use from several threads at once. Its methods block on the network."""

    def __init__(
        self,
        max_bytes: int,
        buckets: tuple[str, ...] | None = None,
        *,
        direct: bool = False,
    ) -> None:
        """Only ``buckets`` may be read, or any bucket if it is None.

        If ``direct``, requests are sent without boto3 first.

        Raises StartError if buckets are given and boto3 is not installed.
        """
        self.max_bytes = max_bytes
        self.buckets = None if buckets is None else frozenset(buckets)
        self.connection = None if buckets == () else Connection("s3")
        self._direct = DirectRequests(self.connection) if direct and self.connection else None

    def look_up(self, bucket: str, key: str, version: str | None = None) -> StoredObject:
        """Returns the object's size and version without reading it.

        Raises InvalidObject, its subclass ObjectMissing if there is no such object, or StorageBusy
        if S3 is busy or cannot be reached.
        """
        if self.connection is None or (self.buckets is not None and bucket not in self.buckets):
            raise InvalidObject(
                f"Images may not be read from the bucket {bucket[:63]!r}. Use a bucket in"
                " SPOTTER_S3_BUCKETS, or send the image itself."
            )
        wanted = StoredObject(bucket, key, version, etag="", size=0)
        found = _stored(wanted, self._send("HEAD", wanted))
        if found is not None:
            return found
        with _s3_errors(wanted):
            head = self.connection.client.head_object(**_address(wanted))
        return StoredObject(
            bucket,
            key,
            _version(head.get("VersionId")) or version,
            head["ETag"].strip('"'),
            head["ContentLength"],
        )

    def check_size(self, stored: StoredObject) -> None:
        """Raises ImageTooLarge."""
        if stored.size > self.max_bytes:
            raise self._too_large(stored, f"{stored.size} bytes")

    def look_up_and_read(self, bucket: str, key: str) -> tuple[StoredObject, bytes] | None:
        """Returns the object and its bytes with one request.

        Returns None if that failed for any reason: then call ``look_up`` and ``read``.
        """
        wanted = StoredObject(bucket, key, None, etag="", size=0)
        answer = self._send("GET", wanted)
        found = _stored(wanted, answer)
        return None if answer is None or found is None else (found, answer.body)

    def read(self, stored: StoredObject) -> bytes:
        """Returns the bytes of the object found by ``look_up``.

        Raises what ``look_up`` and ``check_size`` raise.

        At most ``max_bytes`` + 1 are read, whatever length S3 declared.
        """
        self.check_size(stored)
        direct = self._send("GET", stored, {"if-match": f'"{stored.etag}"'})
        if direct is not None:
            return direct.body
        assert self.connection is not None
        with _s3_errors(stored):
            answer = self.connection.client.get_object(
                **_address(stored), IfMatch=f'"{stored.etag}"'
            )
            # The body's own ``with`` gives the inner stream, which does not check the length.
            with closing(answer["Body"]) as body:
                data = _read_up_to(body, self.max_bytes + 1)
        if len(data) > self.max_bytes:
            raise self._too_large(stored, "more bytes than S3 declared")
        return data

    def _send(
        self, method: str, stored: StoredObject, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        """Returns None if boto3 has to be used."""
        if self._direct is None or not _PLAIN_BUCKET.fullmatch(stored.bucket) or not stored.key:
            return None
        path = f"/{stored.bucket}/{quote(stored.key, safe=_UNQUOTED)}"
        query = f"versionId={quote(stored.version, safe=_UNQUOTED[1:])}" if stored.version else ""
        most = self.max_bytes if method == "GET" else None
        return self._direct.send(method, path, headers or {}, query=query, most_bytes=most)

    def _too_large(self, stored: StoredObject, size: str) -> ImageTooLarge:
        return ImageTooLarge(f"{stored.name} has {size} and at most {self.max_bytes} are allowed.")


def _stored(wanted: StoredObject, answer: Answer | None) -> StoredObject | None:
    """``wanted`` with the metadata in ``answer``; None if that is incomplete."""
    if answer is None or not {"etag", "content-length"} <= answer.headers.keys():
        return None
    return wanted._replace(
        version=_version(answer.headers.get("x-amz-version-id")) or wanted.version,
        etag=answer.headers["etag"].strip('"'),
        size=int(answer.headers["content-length"]),
    )


def _read_up_to(stream: _Stream, most: int) -> bytes:
    """Reads to the end of the stream, but at most ``most`` bytes.

    When a read finds the end, botocore compares the bytes with their declared length.
    """
    pieces: list[bytes] = []
    left = most
    while left > 0 and (piece := stream.read(min(left, _PIECE_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _address(stored: StoredObject) -> dict[str, str]:
    version = {"VersionId": stored.version} if stored.version else {}
    return {"Bucket": stored.bucket, "Key": stored.key, **version}


def _version(given: str | None) -> str | None:
    """Returns None for "null", which S3 reports for objects older than the versioning."""
    return None if given == "null" else given


@contextmanager
def _s3_errors(stored: StoredObject) -> Iterator[None]:
    from botocore import exceptions as boto

    try:
        yield
    except boto.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        reason = error.response["Error"].get("Code", "")
        raise _refusal(stored, status, reason) from error
    except boto.ParamValidationError as error:
        raise InvalidObject(f"{stored.name} is not the name of an object in S3.") from error
    except (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError) as error:
        raise StorageBusy("S3 cannot be reached. Try again later.", _RETRY_AFTER) from error


def _refusal(
    stored: StoredObject, status: int, reason: str
) -> InvalidObject | ObjectMissing | StorageBusy:
    if status in (404, 405):  # 405: the version is a delete marker
        return ObjectMissing(f"There is no object {stored.name}.")
    if reason == "InvalidObjectState":
        return InvalidObject(f"{stored.name} is archived and has to be restored first.")
    if status == 412:
        return StorageBusy(f"{stored.name} is being replaced. Try again later.", _RETRY_AFTER)
    if status == 429 or status >= 500:
        return StorageBusy("S3 is busy. Try again later.", _RETRY_AFTER)
    return InvalidObject(
        f"{stored.name} cannot be read: it does not exist, or the service may not read it."
    )
