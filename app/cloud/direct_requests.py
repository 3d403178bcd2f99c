"""Requests to AWS without boto3, in a quarter of its processor time.

Only successful responses are returned. In all other cases the caller uses boto3, which handles
retries, redirects and errors. So these requests affect nothing but speed.
"""

import http.client
import logging
import os
import random
import re
import ssl
import threading
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies

from app.cloud.boto_client import CONNECT_SECONDS, READ_SECONDS, Connection
from app.cloud.signature import Signer

_MOST_FAILURES = 8
"""Consecutive failures after which direct requests are given up: they may never work here."""
_ORDINARY = frozenset({400, 404, 405, 412, 429, 500, 503})
"""Statuses that refuse one request, and do not show that direct requests fail in general."""
_BUSY = re.compile(rb"Throttl|ThroughputExceeded|LimitExceeded|SlowDown")
_LONGEST_WAIT_SECONDS = 1.0
"""Longest pause after a throttled request; it is random, so that workers do not retry in step."""
_log = logging.getLogger("spotter.cloud")


class Answer(NamedTuple):
    headers: Mapping[str, str]
    """Headers with lower-case names."""
    body: bytes


class _TooLong(Exception):
    """The answer is too long or does not declare its length."""


class DirectRequests:
    """Safe to use from several threads at once, each of which keeps a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._local = threading.local()
        self._failures = 0

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        query: str = "",
        most_bytes: int | None = None,
    ) -> Answer | None:
        """Returns None if the caller has to use boto3: for any status but 200 and any failure.

        ``headers`` have lower-case names. An answer that is, or may be, longer than ``most_bytes``
        is not read.
        """
        if self._failures >= _MOST_FAILURES or not self._is_possible:
            return None
        try:
            status, answer = self._send(method, path, query, headers, body, most_bytes)
        except _TooLong:
            self._close()
            return None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._close()
            self._count(error)
            return None
        if status == 200:
            self._failures = 0
            return answer
        if status not in _ORDINARY:
            self._count(status)
        elif status in (429, 503) or _BUSY.search(answer.body):
            time.sleep(random.uniform(0, _LONGEST_WAIT_SECONDS))  # noqa: S311
        return None

    def _send(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        most_bytes: int | None,
    ) -> tuple[int, Answer]:
        credentials = self._connection.credentials.get_frozen_credentials()
        base = self._endpoint.path.rstrip("/")
        given = {"host": self._endpoint.netloc, **headers}
        signed = self._signer.signed(credentials, method, base + path, query, given, body)
        wire = self._wire()
        wire.request(method, f"{base}{path}?{query}" if query else base + path, body, signed)
        response = wire.getresponse()
        if most_bytes is not None and (response.length is None or response.length > most_bytes):
            raise _TooLong
        data = response.read()  # raises IncompleteRead if it is truncated
        return response.status, Answer(
            {name.lower(): value for name, value in response.getheaders()}, data
        )

    @cached_property
    def _is_possible(self) -> bool:
        client = self._connection.client
        return (
            self._connection.credentials is not None
            and client.meta.config.signature_version in ("v4", "s3v4")
            and self._endpoint.scheme in ("http", "https")
            and not {"http", "https", "all"} & getproxies().keys()
        )

    @cached_property
    def _endpoint(self) -> Any:
        return urlsplit(self._connection.client.meta.endpoint_url)

    @cached_property
    def _signer(self) -> Signer:
        return Signer(self._connection.service, self._connection.client.meta.region_name)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        from botocore.httpsession import get_cert_path

        given = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
        return ssl.create_default_context(cafile=given or get_cert_path(True))

    def _wire(self) -> http.client.HTTPConnection:
        """This thread's connection. The timeout for connecting is shorter than for reading."""
        if not hasattr(self._local, "kept"):
            self._local.kept = _OwnedConnection(self._new_wire())
        wire: http.client.HTTPConnection = self._local.kept.wire
        if wire.sock is None:
            wire.connect()
            connected: Any = wire.sock
            connected.settimeout(READ_SECONDS)
        return wire

    def _new_wire(self) -> http.client.HTTPConnection:
        host, port = self._endpoint.hostname, self._endpoint.port
        if self._endpoint.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        return http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=self._tls)

    def _close(self) -> None:
        if hasattr(self._local, "kept"):
            self._local.kept.wire.close()

    def _count(self, what: object) -> None:
        self._failures += 1
        if self._failures == _MOST_FAILURES:
            _log.warning(
                "%s is used through boto3 only from now on: %s", self._connection.service, what
            )


class _OwnedConnection:
    """A connection that is closed when its thread ends."""

    def __init__(self, wire: http.client.HTTPConnection) -> None:
        self.wire = wire

    def __del__(self) -> None:
        self.wire.close()
