"""GET /model: describes the served model."""

from fastapi import APIRouter, Request

from app.errors import AccessDenied, MisdirectedRequest, ModelUnavailable, TooManyRequests
from app.http.dependencies import AdmissionRequired, ServiceDep
from app.http.openapi import responses
from app.http.requests import search_access
from app.service.schemas import InputSize, ModelInfo, Thresholds

router = APIRouter(tags=["model"], dependencies=[AdmissionRequired])


@router.get(
    "/model",
    summary="The model being served",
    responses=responses(AccessDenied, MisdirectedRequest, TooManyRequests, ModelUnavailable),
)
async def model(request: Request, service: ServiceDep) -> ModelInfo:
    served = service.detector.model
    height, width = served.description.input.size
    settings = service.settings
    usual = service.detector.options(settings.confidence, settings.iou, settings.max_detections)
    return ModelInfo(
        name=served.description.name,
        family=served.description.family,
        task=served.task,
        labels=list(served.description.labels),
        input=InputSize(width=width, height=height, dynamic=served.signature.dynamic),
        sha256=served.sha256,
        license=served.description.license,
        providers=list(served.providers),
        thresholds=Thresholds(
            confidence=usual.confidence,
            iou=usual.iou,
            maxDetections=usual.max_detections,
        ),
        search=search_access.is_open(request, service),
    )
