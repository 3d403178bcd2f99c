"""AWS Signature Version 4 of requests that are made without boto3."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(Protocol):
    access_key: str
    secret_key: str
    token: str | None


class Signer:
    """Safe to use from several threads at once."""

    def __init__(self, service: str, region: str) -> None:
        self.service = service
        self.region = region
        self._key: tuple[tuple[str, str], bytes] = ("", ""), b""
        """Of a day and a secret, and the signing key that follows from them."""

    def signed(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> dict[str, str]:
        """``headers`` with those of the signature.

        ``path`` and ``query`` are encoded as they are sent. ``headers`` have lower-case names, the
        host among them, and all of them are signed.
        """
        now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        digest = hashlib.sha256(body).hexdigest()
        given = {**headers, "x-amz-date": now, "x-amz-content-sha256": digest}
        if credentials.token:
            given["x-amz-security-token"] = credentials.token
        names = sorted(given)
        signed = ";".join(names)
        lines = "".join(f"{name}:{given[name].strip()}\n" for name in names)
        request = f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{digest}"
        scope = f"{now[:8]}/{self.region}/{self.service}/aws4_request"
        text = f"{_ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = self._signing_key(credentials.secret_key, now[:8])
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        given["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope},"
            f" SignedHeaders={signed}, Signature={signature}"
        )
        return given

    def _signing_key(self, secret: str, day: str) -> bytes:
        made_for, key = self._key
        if made_for != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self.region, self.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (day, secret), key
        return key
