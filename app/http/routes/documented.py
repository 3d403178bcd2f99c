"""The routes that answer before FastAPI is there, as its document tells of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

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
from app.http.dependencies import KeyDocumented
from app.http.openapi import ANSWERS, DETECT, REQUEST_BODY, responses
from app.http.routes.detect import DetectQuery, detect
from app.http.routes.healthz import healthz
from app.service.schemas import DetectionResult, Health

_DETECT_ERRORS = responses(
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
)


async def query_documented(_: Annotated[DetectQuery, Query()]) -> None:
    """Has the OpenAPI document tell of the options."""


router = APIRouter()
router.post(
    "/detect",
    tags=["detect"],
    summary="Find the objects in an image",
    description=DETECT,
    response_model=DetectionResult,
    responses={**ANSWERS, **_DETECT_ERRORS},
    openapi_extra=REQUEST_BODY,
    dependencies=[KeyDocumented, Depends(query_documented)],
)(detect)
router.get(
    "/healthz",
    tags=["health"],
    summary="Whether the service is well",
    response_model=Health,
    responses=responses(MisdirectedRequest, ModelUnavailable),
)(healthz)
