"""DetectLabels: checks the signature, reads the request, answers or refuses in AWS's form."""

import json
from functools import cache, partial
from pathlib import Path

from fastapi import Request, Response

from app.errors import SpotterError
from app.http import inference
from app.http.middleware.request_record import record_of
from app.http.requests import rate_limit
from app.http.requests.body import read_body
from app.http.responses.media_types import AWS_JSON
from app.rekognition.errors import AccessDeniedException, UnknownOperationException, aws_error
from app.rekognition.labels import Json, labels
from app.rekognition.request import (
    MAX_BODY_BYTES,
    DetectLabelsRequest,
    Feature,
    parse,
)
from app.rekognition.signature import Claim, SignedRequest, Verifier, verify
from app.rekognition.taxonomy import Taxonomy
from app.service.service import Service
from app.settings import Settings

_SUPPORTED = "RekognitionService.DetectLabels"


def refusal(request: Request, error: SpotterError) -> Response:
    told = aws_error(error)
    body = {"__type": told.code, "Code": told.code, "Message": told.detail}
    return _answer(request, body, told.status, dict(error.headers))


async def answer(request: Request, service: Service, target: str) -> Response:
    """Raises SpotterError."""
    if target != _SUPPORTED:
        raise UnknownOperationException(
            f"{target[:100]} is not offered here. What is: {_SUPPORTED}."
        )
    claim, limiter = _claim(request, service), service.limiter
    if limiter is not None and claim is None:
        rate_limit.charge_address(request, service, limiter)
    elif limiter is not None and claim is not None:
        rate_limit.check(request, limiter, _signer(claim))
    service.pool.check_room()
    body = await read_body(request, min(service.settings.max_body_bytes, MAX_BODY_BYTES))
    if claim is not None:
        verify(claim, _signed(request), body)
        if limiter is not None:
            rate_limit.charge(request, limiter, _signer(claim))
    wanted, image = await inference.run_in_thread(service, len(body), partial(parse, body))
    del body
    if image is None:
        image = await _stored(request, service, wanted)
    return _answer(request, await _detect_labels(request, service, wanted, image))


async def _detect_labels(
    request: Request, service: Service, wanted: DetectLabelsRequest, image: bytes
) -> Json:
    settings = service.settings
    options = service.detector.options(
        wanted.min_confidence / 100, settings.iou, settings.max_detections
    )
    found = await inference.detect(request, service, image, options)
    answer: Json = {"Labels": [], "LabelModelVersion": _version(service)}
    colours = None
    if Feature.IMAGE_PROPERTIES in wanted.features:
        from app.rekognition.properties import measure

        job = partial(measure, service.detector, image, found, wanted.max_dominant_colors)
        properties = await inference.cancel_on_disconnect(request, service.pool.run(job))
        answer["ImageProperties"] = properties.image
        colours = properties.instances
    if Feature.GENERAL_LABELS in wanted.features:
        answer["Labels"] = labels(found, taxonomy(service.settings.taxonomy), wanted, colours)
    return answer


async def _stored(request: Request, service: Service, wanted: DetectLabelsRequest) -> bytes:
    stored = wanted.Image.S3Object
    assert stored is not None
    return await inference.fetch(request, service, stored.Bucket, stored.Name, stored.Version)


def _claim(request: Request, service: Service) -> Claim | None:
    """None if nobody has to sign. Raises AccessDeniedException or one of signatures."""
    if service.settings.aws_credentials:
        return _verifier(service.settings).examine(_headers(request))
    if service.settings.api_keys:
        raise AccessDeniedException(
            "API keys are required here and this API has no place for one. Set"
            " SPOTTER_AWS_CREDENTIALS on the server and sign with one of them."
        )
    return None


@cache
def taxonomy(extension: Path | None) -> Taxonomy:
    """Raises StartError if ``extension`` cannot be used."""
    return Taxonomy.load(extension)


@cache
def _verifier(settings: Settings) -> Verifier:
    return Verifier(settings.aws_secrets)


def _signer(claim: Claim) -> str:
    return f"signer {claim.key_id}"


def _signed(request: Request) -> SignedRequest:
    """A client may have signed the path that a proxy cut off, with a slash behind it or without."""
    root = request.scope.get("root_path", "")
    paths = tuple({"/", root or "/", f"{root}/"})
    return SignedRequest(request.method, paths, request.url.query, _headers(request))


def _headers(request: Request) -> dict[str, str]:
    return {name: ",".join(request.headers.getlist(name)) for name in request.headers}


def _version(service: Service) -> str:
    """Changes with the model, since it says which labels were known."""
    return f"{service.detector.name}-{service.detector.model.sha256[:12]}"


def _answer(
    request: Request, body: Json, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    identified = {**(headers or {}), "x-amzn-RequestId": record_of(request).id}
    return Response(json.dumps(body), status, identified, media_type=AWS_JSON)
