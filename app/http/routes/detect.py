"""POST /detect: an image in one of three forms; its objects as JSON, or the picture itself."""

import json
from dataclasses import asdict
from functools import partial
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from app.errors import InvalidParameter
from app.http import inference
from app.http.middleware.request_context import service_of
from app.http.requests.accept import preferred
from app.http.requests.authentication import admit, key_in
from app.http.requests.body import extract_image, read_body
from app.http.requests.query import parsed
from app.http.requests.s3_reference import object_reference, require_json
from app.http.responses.streamed_image import Picture
from app.service.public_json import render
from app.service.service import Service
from app.vision.detections import Detections, Options
from app.vision.draw import Encoding
from app.vision.images.formats import recognise

# None is what is not given, and so nothing to document.
Share = Annotated[
    float | None,
    Field(ge=0, le=1, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
]
Count = Annotated[
    int | None,
    Field(ge=1, le=1000),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 1000}),
]


class DetectQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=False)

    confidence: Share = Field(
        None,
        description="Detections have a probability above this, 0..1; the server's default is 0.25.",
    )
    iou: Share = Field(
        None,
        description="Boxes of one label that overlap by more are one object, 0..1;"
        " the default is the model's own, else 0.7.",
    )
    classes: list[str] = Field(
        [], max_length=1000, description="Only these labels; may be given several times."
    )
    max_detections: Count = Field(None, description="At most so many, 1..1000; default 300.")
    alt_text: bool = Field(False, description="Whether to add a sentence for an alt attribute.")


async def detect(request: Request) -> Response:
    service = service_of(request)
    admit(request, service, key_in(request))
    query = parsed(DetectQuery, request.query_params)
    _refuse_repeated(request)
    service.pool.check_room()
    options = _options(query, service)
    body = await read_body(request, service.settings.max_body_bytes)
    image = await _image_in(body, request, service)
    del body
    answer = preferred(",".join(request.headers.getlist("accept")))
    if answer == "json":
        found = await inference.detect(request, service, image, options)
        content = json.dumps(render(found, service.detector.name, with_alt_text=query.alt_text))
        return Response(content, media_type="application/json", headers=_timing(found))
    encoding: Encoding = "JPEG" if answer == "jpeg" else "PNG"
    found, picture = await inference.detect_and_draw(request, service, image, options, encoding)
    return Picture(request, picture, f"image/{answer}", _timing(found))


async def _image_in(body: bytes, request: Request, service: Service) -> bytes:
    reference = object_reference(body)
    if reference is None:
        content_type = request.headers.get("content-type", "")
        extract = partial(extract_image, body, content_type, DetectQuery.model_fields)
        return body if recognise(body) else await inference.aside(service, len(body), extract)
    if not service.keys:
        require_json(request.headers.get("content-type", ""))
    return await inference.fetch(
        request, service, reference.bucket, reference.key, reference.version
    )


def _options(query: DetectQuery, service: Service) -> Options:
    settings = service.settings
    return service.detector.options(
        confidence=settings.confidence if query.confidence is None else query.confidence,
        iou=settings.iou if query.iou is None else query.iou,
        max_detections=query.max_detections or settings.max_detections,
        classes=service.detector.class_ids(query.classes) if query.classes else None,
    )


def _refuse_repeated(request: Request) -> None:
    names = [name for name, _ in request.query_params.multi_items() if name != "classes"]
    for name in names:
        if names.count(name) > 1:
            raise InvalidParameter(f"{name[:100]}: given more than once; only classes may be.")


def _timing(found: Detections) -> dict[str, str]:
    stages = asdict(found.timings).items()
    return {"Server-Timing": ", ".join(f"{stage};dur={ms:.2f}" for stage, ms in stages)}
