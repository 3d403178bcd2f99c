"""AWS Signature Version 4: verifies the signer of a request in two steps.

``examine`` needs only the headers and refuses most requests before the body is read; ``verify``
needs the body.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from app.cloud.signature import ALGORITHM, TERMINATOR, TIME, scope, signature, signing_key
from app.rekognition.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)

_SERVICE = "rekognition"
_SKEW = timedelta(minutes=5)
_FIELDS = re.compile(
    rf"{ALGORITHM}\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,"
    r"\s*Signature=([0-9a-f]{64})\s*"
)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check the"
    " secret access key, and that nothing on the way changes the request."
)


@dataclass(frozen=True)
class SignedRequest:
    """The signed parts of a request, except its body."""

    method: str
    paths: Sequence[str]
    """Paths that the client may have signed."""
    query: str
    headers: Mapping[str, str]
    """Values by lower-case name; several values of one name are joined by commas."""


@dataclass(frozen=True)
class Claim:
    """A signature that is plausible, but not yet verified against the body."""

    key_id: str
    secret: str
    time: str
    date: str
    region: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return scope(self.date, self.region, _SERVICE)


class Verifier:
    def __init__(self, credentials: Mapping[str, str]) -> None:
        """``credentials`` maps key ids to secrets."""
        self._secrets = {_digest(key_id): secret for key_id, secret in credentials.items()}

    def examine(self, headers: Mapping[str, str], now: datetime | None = None) -> Claim:
        """Raises MissingAuthenticationToken-, IncompleteSignature-, UnrecognizedClient- or
        InvalidSignatureException.
        """
        authorization = headers.get("authorization", "")
        if not authorization.startswith(ALGORITHM):
            raise MissingAuthenticationTokenException(
                f"Sign the request: the header Authorization has to carry {ALGORITHM}."
            )
        fields = _FIELDS.fullmatch(authorization)
        credential = fields[1].split("/") if fields else []
        if fields is None or len(credential) != 5:
            raise IncompleteSignatureException(
                "Authorization has to carry a Credential of a key id and a scope, SignedHeaders and"
                " a Signature."
            )
        key_id, date, region, service, terminator = credential
        secret = self._secret(key_id)
        time = headers.get("x-amz-date", "")
        _check_scope(time, date, service, terminator)
        _check_age(time, now or datetime.now(UTC))
        signed = tuple(fields[2].split(";"))
        if "host" not in signed or "x-amz-date" not in signed:
            raise IncompleteSignatureException("SignedHeaders has to name host and x-amz-date.")
        if "x-amz-target" in headers and "x-amz-target" not in signed:
            raise IncompleteSignatureException("SignedHeaders has to name x-amz-target.")
        return Claim(key_id, secret, time, date, region, signed, fields[3])

    def _secret(self, key_id: str) -> str:
        given = _digest(key_id)
        # Every key is compared, so that the time taken reveals nothing.
        found = [s for digest, s in self._secrets.items() if hmac.compare_digest(digest, given)]
        if not found:
            raise UnrecognizedClientException(
                "The security token included in the request is invalid: the key id is not known."
            )
        return found[0]


def verify(claim: Claim, request: SignedRequest, body: bytes) -> None:
    """Raises InvalidSignatureException."""
    payload = hashlib.sha256(body).hexdigest()
    key = signing_key(claim.secret, claim.date, claim.region, _SERVICE)
    matches = [
        hmac.compare_digest(_signature(key, claim, request, path, payload), claim.signature)
        for path in request.paths
    ]
    if not any(matches):
        raise InvalidSignatureException(_MISMATCH)


def _check_scope(time: str, date: str, service: str, terminator: str) -> None:
    if (service, terminator) != (_SERVICE, TERMINATOR):
        raise InvalidSignatureException(
            f"Credential should be scoped to the service {_SERVICE} and end in {TERMINATOR}."
        )
    if date != time[:8]:
        raise InvalidSignatureException("The date in Credential is not that of X-Amz-Date.")


def _check_age(time: str, now: datetime) -> None:
    try:
        signed = datetime.strptime(time, TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise IncompleteSignatureException("X-Amz-Date has to be such as 20260131T235959Z.") from (
            error
        )
    if signed < now - _SKEW:
        earliest = (now - _SKEW).strftime(TIME)
        raise InvalidSignatureException(f"Signature expired: {time} is now earlier than {earliest}")
    if signed > now + _SKEW:
        latest = (now + _SKEW).strftime(TIME)
        raise InvalidSignatureException(
            f"Signature not yet current: {time} is still later than {latest}"
        )


def _signature(key: bytes, claim: Claim, request: SignedRequest, path: str, payload: str) -> str:
    canonical = "\n".join(
        [
            request.method,
            quote(path, safe="/-_.~"),
            _canonical_query(request.query),
            *(f"{name}:{_squeeze(request.headers.get(name, ''))}" for name in claim.signed_headers),
            "",
            ";".join(claim.signed_headers),
            payload,
        ]
    )
    return signature(key, claim.time, claim.scope, canonical.encode("latin-1", "replace"))


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    quoted = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in quoted)


def _squeeze(value: str) -> str:
    return " ".join(value.split())


def _digest(key_id: str) -> bytes:
    return hashlib.sha256(key_id.encode("utf-8", "surrogateescape")).digest()
