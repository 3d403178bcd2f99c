"""POST /detect: returns the objects in an image as JSON, or drawn into the picture."""

import json
import time
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from app.errors import (
    AccessDenied,
    ImageTooLarge,
    InternalError,
    InvalidImage,
    InvalidImageFormat,
    InvalidParameter,
    MisdirectedRequest,
    ModelUnavailable,
    Overloaded,
    RequestTimeout,
    TooManyRequests,
)
from app.http import inference
from app.http.dependencies import KeyDocumented
from app.http.middleware.request_record import service_of
from app.http.openapi import DETECT_ANSWERS, DETECT_BODY, responses
from app.http.requests.admission import admit, key_in
from app.http.requests.body import read_image
from app.http.requests.options import parse_query, preferred
from app.http.route_classes import DirectRoute
from app.http.streamed_image import StreamedImage
from app.service.public_json import render
from app.service.schemas import DetectionResult
from app.service.service import Service
from app.vision import draw
from app.vision.detections import Detections, Options
from app.vision.tasks.masks import MaskForm
from app.vision.tiles.grid import MOST_TILES
from app.vision.turns import Turns

# None means that the option was not given, and is therefore not documented.
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
        description="Boxes of one label with a greater IoU count as one object, 0..1;"
        " the default is the model's own, else 0.7.",
    )
    classes: list[str] = Field(
        [], max_length=1000, description="Only these labels; may be given several times."
    )
    max_detections: Count = Field(None, description="Most detections, 1..1000; default 300.")
    masks: MaskForm | None = Field(
        None,
        description="The form in which each detection's mask is added, if the model has masks:"
        " outer contours, or COCO's run lengths.",
    )
    tiles: Literal["none", "auto"] = Field(
        "none",
        description="For small things in large pictures: auto has overlapping tiles looked at, too,"
        f" {MOST_TILES} at most, each of which takes as long as a picture.",
    )
    alt_text: bool = Field(False, description="Whether to add a sentence for an alt attribute.")


async def query_documented(_: Annotated[DetectQuery, Query()]) -> None:
    """Puts the options into the OpenAPI document."""


router = APIRouter(route_class=DirectRoute, tags=["detect"])


@router.post(
    "/detect",
    summary="Find the objects in an image",
    response_model=DetectionResult,
    responses={
        **DETECT_ANSWERS,
        **responses(
            InvalidImageFormat,
            InvalidImage,
            InvalidParameter,
            ImageTooLarge,
            AccessDenied,
            RequestTimeout,
            MisdirectedRequest,
            TooManyRequests,
            Overloaded,
            ModelUnavailable,
            InternalError,
        ),
    },
    openapi_extra=DETECT_BODY,
    dependencies=[KeyDocumented, Depends(query_documented)],
)
async def detect(request: Request) -> Response:
    """Send the image in one of these ways; its format is recognised from its bytes:

    ```sh
    curl -F file=@photo.jpg http://localhost:8000/detect
    curl --data-binary @photo.jpg http://localhost:8000/detect
    curl -d '{"image": "<base64>"}' http://localhost:8000/detect
    curl -H 'Content-Type: application/json' -d '{"s3": {"bucket": "photos", "key": "bus.jpg"}}' \\
      http://localhost:8000/detect
    ```

    An object in S3 can be named only if the server is configured for its bucket. With
    `Accept: image/jpeg` or `image/png` the answer is the picture with its boxes drawn. Images are
    never stored.
    """
    service = service_of(request)
    admit(request, service, key_in(request))
    query = parse_query(DetectQuery, request.query_params)
    service.pool.check_room()
    options = _options(query, service)
    image = await read_image(request, service, DetectQuery.model_fields)
    answer = preferred(",".join(request.headers.getlist("accept")))
    if answer == "json":
        detect_and_write = _detect_and_write(service, image, options, query)
        found, content = await inference.run(request, service, image, detect_and_write)
        return Response(content, media_type="application/json", headers=_timing(found))
    detect_and_draw = draw.detect_and_draw(
        service.detector,
        image,
        options._replace(masks=service.detector.model.has_masks),
        "JPEG" if answer == "jpeg" else "PNG",
    )
    found, drawn = await inference.run(request, service, image, detect_and_draw)
    return StreamedImage(request, drawn, f"image/{answer}", _timing(found))


def _detect_and_write(
    service: Service, image: bytes, options: Options, query: DetectQuery
) -> Turns[tuple[Detections, str]]:
    """Returns the detections and the answer's JSON."""
    found = yield from service.detector.turns(image, options)
    began = time.perf_counter()
    content = render(found, service.detector.name, with_alt_text=query.alt_text, masks=query.masks)
    if query.masks is not None:  # masks are computed as they are written
        found.timings.postprocess += (time.perf_counter() - began) * 1000
    return found, json.dumps(content)


def _options(query: DetectQuery, service: Service) -> Options:
    """Raises InvalidParameter if the model lacks a label, or cannot do what was asked for."""
    settings = service.settings
    model = service.detector.model
    if query.masks is not None and not model.has_masks:
        raise InvalidParameter(
            f"masks={query.masks}: the model {service.detector.name!r} has no masks; its task is"
            f" {model.task!r}. Leave masks out, or serve a segmentation model."
        )
    if query.tiles != "none" and model.task == "classify":
        raise InvalidParameter(
            f"tiles={query.tiles}: the model {service.detector.name!r} labels whole pictures and"
            " finds no objects. Leave tiles out, or serve a detection model."
        )
    return service.detector.options(
        confidence=settings.confidence if query.confidence is None else query.confidence,
        iou=settings.iou if query.iou is None else query.iou,
        max_detections=query.max_detections or settings.max_detections,
        classes=service.detector.class_ids(query.classes) if query.classes else None,
        masks=query.masks is not None,
        tiles=query.tiles == "auto",
    )


def _timing(found: Detections) -> dict[str, str]:
    stages = asdict(found.timings).items()
    return {"Server-Timing": ", ".join(f"{stage};dur={ms:.2f}" for stage, ms in stages)}
