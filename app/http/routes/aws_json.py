"""Rekognition API: verifies the signature, runs the operation, and answers in AWS's format."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache

from fastapi import Request, Response

from app.errors import SpotterError
from app.http.middleware.request_record import record_of
from app.http.requests.admission import charge, charge_address, check
from app.http.requests.body import decompress, receive
from app.http.routes import (
    detect_custom_labels,
    detect_labels,
    detect_moderation_labels,
    project_versions,
)
from app.rekognition import MEDIA_TYPE
from app.rekognition.errors import AccessDeniedException, UnknownOperationException, aws_error
from app.rekognition.shapes import MAX_BODY_BYTES
from app.rekognition.signature import Claim, SignedRequest, Verifier, verify
from app.service.service import Service
from app.settings import Settings

_PREFIX = "RekognitionService."


@dataclass(frozen=True)
class Operation:
    run: Callable[[Request, Service, bytes], Awaitable[Mapping[str, object]]]
    """Turns the request's body into the answer; raises SpotterError."""
    needs_place: bool
    """Whether it needs a place in the pool."""


_OPERATIONS = {
    "DetectLabels": Operation(detect_labels.run, needs_place=True),
    "DetectCustomLabels": Operation(detect_custom_labels.run, needs_place=True),
    "DetectModerationLabels": Operation(detect_moderation_labels.run, needs_place=True),
    "DescribeProjectVersions": Operation(project_versions.describe, needs_place=False),
    "StartProjectVersion": Operation(project_versions.start, needs_place=False),
    "StopProjectVersion": Operation(project_versions.stop, needs_place=False),
}


def refusal(request: Request, error: SpotterError) -> Response:
    told = aws_error(error)
    body = {"__type": told.code, "Code": told.code, "Message": told.detail}
    return _answer(request, body, told.status, dict(error.headers))


async def answer(request: Request, service: Service, target: str) -> Response:
    """Raises SpotterError."""
    operation = _OPERATIONS.get(target.removeprefix(_PREFIX))
    if operation is None or not target.startswith(_PREFIX):
        raise UnknownOperationException(
            f"{target[:100]} is not supported here. These are:"
            f" {', '.join(_PREFIX + name for name in _OPERATIONS)}."
        )
    claim, limiter = _claim(request, service), service.limiter
    if limiter is not None and claim is None:
        charge_address(request, service, limiter)
    elif limiter is not None and claim is not None:
        check(request, limiter, _signer(claim))
    if operation.needs_place:
        service.pool.check_room()
    limit = min(service.settings.max_body_bytes, MAX_BODY_BYTES)
    body = await receive(request, limit)
    if claim is not None:
        verify(claim, _signed(request), body)
        if limiter is not None:
            charge(request, limiter, _signer(claim))
    body = await decompress(request, service, body, limit)
    return _answer(request, await operation.run(request, service, body))


def _claim(request: Request, service: Service) -> Claim | None:
    """None if requests need no signature. Raises AccessDeniedException or a signature error."""
    if service.settings.aws_credentials:
        return _verifier(service.settings).examine(_headers(request))
    if service.settings.api_keys:
        raise AccessDeniedException(
            "API keys are required here and this API has no place for one. Set"
            " SPOTTER_AWS_CREDENTIALS on the server and sign with one of them."
        )
    return None


@cache
def _verifier(settings: Settings) -> Verifier:
    return Verifier(settings.aws_secrets)


def _signer(claim: Claim) -> str:
    return f"signer {claim.key_id}"


def _signed(request: Request) -> SignedRequest:
    """A client may have signed the path that a proxy strips, with or without a final slash."""
    root = request.scope.get("root_path", "")
    paths = tuple({"/", root or "/", f"{root}/"})
    return SignedRequest(request.method, paths, request.url.query, _headers(request))


def _headers(request: Request) -> dict[str, str]:
    return {name: ",".join(request.headers.getlist(name)) for name in request.headers}


def _answer(
    request: Request,
    body: Mapping[str, object],
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    identified = {**(headers or {}), "x-amzn-RequestId": record_of(request).id}
    return Response(json.dumps(body), status, identified, media_type=MEDIA_TYPE)
