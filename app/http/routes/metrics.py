"""GET /metrics, for Prometheus."""

from fastapi import APIRouter, Response

from app import __version__
from app.errors import AccessDenied, MisdirectedRequest, ModelUnavailable
from app.http.dependencies import KeyRequired, ServiceDep
from app.http.openapi import responses
from app.observability.metrics import Metrics, ProcessState
from app.service.service import Service


def create_router(counts: Metrics, *, keyed: bool) -> APIRouter:
    router = APIRouter(tags=["health"], dependencies=[KeyRequired] if keyed else [])

    @router.get(
        "/metrics",
        summary="Counts and times for Prometheus",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **responses(*((AccessDenied,) if keyed else ()), MisdirectedRequest, ModelUnavailable),
        },
    )
    async def metrics(service: ServiceDep) -> Response:
        from app.observability import prometheus  # imports a library that only scraping needs

        text = prometheus.expose(counts, _state(service))
        return Response(text, media_type=prometheus.CONTENT_TYPE)

    return router


def _state(service: Service) -> ProcessState:
    pool, model = service.pool, service.detector.model
    return ProcessState(
        ready=not (service.draining or service.detector.failed),
        running=min(pool.taken, pool.concurrency),
        waiting=max(0, pool.taken - pool.concurrency),
        queue_capacity=pool.concurrency + pool.queue,
        shed=pool.shed,
        held_bytes=service.memory.held,
        model={
            "name": service.detector.name,
            "family": model.description.family,
            "sha256": model.sha256,
            "provider": model.providers[0],
            "version": __version__,
        },
    )
