"""/v1/vision/detection and scene: the API of DeepStack, CodeProject.AI and Blue Onyx."""

import json
import math
from dataclasses import astuple
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from app.errors import (
    ImageTooLarge,
    InvalidImage,
    InvalidImageFormat,
    InvalidParameter,
    NotFound,
    SpotterError,
    StartError,
)
from app.http import inference
from app.http.dependencies import ServiceDep
from app.http.requests.admission import admit, key_in
from app.http.requests.body import read_body
from app.http.requests.form import IMAGE_FIELDS, Form, only_image, parse_form
from app.http.route_classes import ForeignRoute
from app.service.service import Service
from app.settings import Settings
from app.vision.detections import Detection, Detections

_MIN_CONFIDENCE = 0.4
_LONGEST_NAME = 60  # characters
_FIELDS = IMAGE_FIELDS | {"min_confidence", "api_key"}
_WANTED = "Send a valid API key in the form field api_key, or in X-API-Key."
_BAD_REQUESTS = (ImageTooLarge, InvalidImage, InvalidImageFormat, InvalidParameter)


class DeepStackRoute(ForeignRoute):
    @staticmethod
    def refusal(request: Request, error: SpotterError) -> Response:
        status = 400 if isinstance(error, _BAD_REQUESTS) else error.status
        body = {"success": False, "error": error.detail, "code": status}
        return Response(json.dumps(body), status, dict(error.headers), "application/json")


class EndpointNotActivated(SpotterError):
    """DeepStack's clients look for the end of this message."""

    status = 403

    def __init__(self, path: str) -> None:
        name = path.strip("/").removeprefix("vision/").partition("/")[0][:_LONGEST_NAME]
        super().__init__(f"{name.capitalize()} endpoint not activated".strip())


router = APIRouter(prefix="/v1", route_class=DeepStackRoute, include_in_schema=False)


@router.post("/vision/detection")
async def detection(request: Request, service: ServiceDep) -> Response:
    service.pool.check_room()
    form = await _form(request, service)
    return await _detect(request, service, form)


@router.post("/vision/scene")
async def scene(request: Request, service: ServiceDep) -> Response:
    """Returns the best label of the whole picture."""
    if service.detector.model.task != "classify":
        raise EndpointNotActivated("scene")
    service.pool.check_room()
    form = await _form(request, service)
    options = service.detector.options(0.0, None, 1)
    found = await inference.detect(request, service, only_image(form, any_name=True), options)
    if not found.classifications:  # the model's output is NaN
        return success(label="", confidence=0.0, **_times(found))
    best = found.classifications[0]
    return success(label=best.label.lower(), confidence=round(best.probability, 6), **_times(found))


@router.api_route("/vision/custom/list", methods=["GET", "POST"])
async def models(request: Request, service: ServiceDep) -> Response:
    if service.keys and key_in(request) is None:
        await _form(request, service)
    else:
        admit(request, service, key_in(request), _WANTED)
    return success(models=_names(service))


@router.post("/vision/custom/{model}")
async def custom(model: str, request: Request, service: ServiceDep) -> Response:
    service.pool.check_room()
    form = await _form(request, service)
    if model.casefold() not in map(str.casefold, _names(service)):
        raise NotFound(
            f"There is no model {model[:100]!r} here; this server has {service.detector.name!r}."
        )
    return await _detect(request, service, form)


def check_aliases(settings: Settings, served: str) -> None:
    """Raises StartError if an alias stands for another model than ``served``."""
    for alias, model in _aliases(settings).items():
        if model and model.casefold() != served.casefold():
            raise StartError(
                f"SPOTTER_MODEL_ALIASES={alias}={model}: the model that is served is {served!r}."
            )


def _aliases(settings: Settings) -> dict[str, str]:
    """Models by alias; empty if the alias stands for the served model."""
    pairs = (alias.partition("=") for alias in settings.model_aliases)
    return {name: model for name, _, model in pairs}


def _names(service: Service) -> list[str]:
    return [service.detector.name, *_aliases(service.settings)]


async def _form(request: Request, service: Service) -> Form:
    """Reads the form. Raises AccessDenied or TooManyRequests.

    They are raised before the body is read, unless the key may be in the form.
    """
    key_in_form = service.keys is not None and key_in(request) is None
    if not key_in_form:
        admit(request, service, key_in(request), _WANTED)
    body = await read_body(request, service)
    parse = partial(parse_form, body, request.headers.get("content-type", ""), _FIELDS)
    form = await inference.run_in_thread(service, len(body), parse)
    if key_in_form:
        admit(request, service, form.text("api_key").encode() if form else None, _WANTED)
    if form is None:
        raise InvalidParameter("Send the image as multipart/form-data, in the field 'image'.")
    return form


async def _detect(request: Request, service: Service, form: Form) -> Response:
    settings = service.settings
    options = service.detector.options(_min_confidence(form), settings.iou, settings.max_detections)
    found = await inference.detect(request, service, only_image(form, any_name=True), options)
    return success(
        predictions=[_prediction(item, found) for item in found.items],
        count=len(found.items),
        **_times(found),
    )


def _times(found: Detections) -> dict[str, int]:
    times = found.timings
    return {"inferenceMs": round(times.inference), "processMs": round(sum(astuple(times)))}


def success(**members: Any) -> Response:
    body = {"success": True, **members, "code": 200}
    return Response(json.dumps(body), media_type="application/json")


def _prediction(item: Detection, found: Detections) -> dict[str, Any]:
    """The corners are whole pixels within the image, and the box is never empty."""
    x, y, width, height = item.box
    x_min, x_max = _corners(x, width, found.width)
    y_min, y_max = _corners(y, height, found.height)
    return {
        "label": item.label.lower(),
        "confidence": round(item.probability, 6),
        "x_min": x_min,
        "y_min": y_min,
        "x_max": x_max,
        "y_max": y_max,
    }


def _corners(start: float, length: float, limit: int) -> tuple[int, int]:
    first = min(round(start), limit - 1)
    return first, min(max(first + 1, round(start + length)), limit)


def _min_confidence(form: Form) -> float:
    text = form.text("min_confidence")
    if not text:
        return _MIN_CONFIDENCE
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InvalidParameter(f"min_confidence={text[:40]!r}: has to be a number from 0 to 1.")
    return value
