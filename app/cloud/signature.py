"""AWS Signature Version 4: computes it, and signs requests without boto3.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
TIME = "%Y%m%dT%H%M%SZ"


class Credentials(Protocol):
    access_key: str
    secret_key: str
    token: str | None


def scope(day: str, region: str, service: str) -> str:
    return f"{day}/{region}/{service}/{TERMINATOR}"


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(key: bytes, time: str, scope: str, canonical: bytes) -> str:
    """``canonical`` is the canonical request; ``time`` is in the form of ``TIME``."""
    text = "\n".join([ALGORITHM, time, scope, hashlib.sha256(canonical).hexdigest()])
    return hmac.digest(key, text.encode(), "sha256").hex()


class Signer:
    """Safe to use from several threads at once."""

    def __init__(self, service: str, region: str) -> None:
        self.service = service
        self.region = region
        self._key: tuple[tuple[str, str], bytes] = ("", ""), b""
        """Date and secret of the last request, and the signing key derived from them."""

    def signed(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> dict[str, str]:
        """Returns ``headers`` together with those of the signature.

        ``path`` and ``query`` are encoded as they are sent. ``headers`` have lower-case names,
        include the host, and are all signed.
        """
        now = datetime.now(UTC).strftime(TIME)
        digest = hashlib.sha256(body).hexdigest()
        given = {**headers, "x-amz-date": now, "x-amz-content-sha256": digest}
        if credentials.token:
            given["x-amz-security-token"] = credentials.token
        names = sorted(given)
        signed = ";".join(names)
        lines = "".join(f"{name}:{given[name].strip()}\n" for name in names)
        request = f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{digest}"
        within = scope(now[:8], self.region, self.service)
        key = self._signing_key(credentials.secret_key, now[:8])
        given["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{within}, SignedHeaders={signed},"
            f" Signature={signature(key, now, within, request.encode())}"
        )
        return given

    def _signing_key(self, secret: str, day: str) -> bytes:
        made_for, key = self._key
        if made_for != (day, secret):
            key = signing_key(secret, day, self.region, self.service)
            self._key = (day, secret), key
        return key
