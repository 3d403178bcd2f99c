"""GET /metrics, for Prometheus."""

from fastapi import APIRouter, FastAPI, Response

from app import __version__
from app.errors import AccessDenied, MisdirectedRequest, ModelUnavailable
from app.http.dependencies import KeyRequired, ServiceDep
from app.http.openapi import responses
from app.observability.metrics import Tally
from app.observability.process_state import State
from app.service.service import Service


def add_metrics(app: FastAPI, tally: Tally, *, keyed: bool) -> None:
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
        # Only who scrapes pays for the library.
        from app.observability import prometheus

        return Response(
            prometheus.expose(tally, _state(service)), media_type=prometheus.CONTENT_TYPE
        )

    app.include_router(router)


def _state(service: Service) -> State:
    pool, model = service.pool, service.detector.model
    return State(
        ready=not (service.draining or service.detector.failed),
        running=min(pool.taken, pool.concurrency),
        waiting=max(0, pool.taken - pool.concurrency),
        places=pool.concurrency + pool.queue,
        shed=pool.shed,
        held_bytes=service.intake.held,
        model={
            "name": service.detector.name,
            "family": model.description.family,
            "sha256": model.sha256,
            "provider": model.providers[0],
            "version": __version__,
        },
    )
