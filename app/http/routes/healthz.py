"""GET /healthz: tells whether the server accepts requests."""

from fastapi import APIRouter

from app.errors import MisdirectedRequest, ModelUnavailable
from app.http.dependencies import ServiceDep
from app.http.openapi import responses
from app.service.schemas import Health

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get(
    "/healthz",
    summary="Whether the service is healthy",
    responses=responses(MisdirectedRequest, ModelUnavailable),
)
async def healthz(service: ServiceDep) -> Health:
    if service.draining:
        raise ModelUnavailable("The server is shutting down: it only finishes open requests.")
    if not service.health.is_well():
        raise ModelUnavailable("The last inference failed; see the server's log.")
    return Health(status="ok", model=service.detector.name)
