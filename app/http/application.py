"""Assembles the FastAPI application from its middleware and routes."""

from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import Lifespan

from app import __version__
from app.http.errors import HANDLERS, ErrorBoundary
from app.http.middleware.address import HostCheck, RequestPath
from app.http.middleware.request_record import REQUEST_ID, RecordRequests
from app.http.openapi import DESCRIPTION, DocumentedFastAPI
from app.http.routes import (
    deepstack,
    deepstack_status,
    detect,
    healthz,
    metrics,
    model,
    pages,
    rekognition,
    search,
)
from app.observability.json_log import log_request
from app.observability.metrics import Metrics
from app.observability.request_record import Observer
from app.search.index import LabelIndex
from app.service.service import Service
from app.settings import Settings
from app.vision.detector import Detector

_EXPOSED_HEADERS = (
    "Server-Timing",
    REQUEST_ID,
    "x-amzn-requestid",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
)


def create_app(
    settings: Settings,
    detector: Detector | None = None,
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """Without a ``detector``, ``lifespan`` has to load one and pass it to ``start_service``."""
    counts = Metrics()
    observers: list[Observer] = [log_request]
    if settings.metrics != "off":
        observers.append(counts.observe)
    app = DocumentedFastAPI(
        title="Spotter",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        # FastAPI's own spans would contain queries and the texts of exceptions.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        openapi_url=None,  # ``pages`` serves it
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the address may be wrong behind a proxy
        generate_unique_id_function=lambda route: route.name,  # names of generated functions
        exception_handlers=HANDLERS,
        middleware=list(_middleware(settings, observers)),
        lifespan=lifespan,
    )
    app.keys_required = bool(settings.api_keys)
    app.state.observers = observers
    routers = list(_routers(settings, counts))
    app.state.paths = _paths(routers)
    for router in routers:
        app.include_router(router)
    pages.mount_files(app)
    if detector is not None:
        start_service(app, settings, detector)
    return app


def start_service(app: FastAPI, settings: Settings, detector: Detector) -> Service:
    """Enables the app to answer requests. Raises StartError if a setting cannot be used."""
    if settings.taxonomy:
        from app.http.routes.detect_labels import taxonomy

        taxonomy(settings.taxonomy)
    if settings.moderation:
        from app.http.routes.detect_moderation_labels import table

        table(settings.moderation)
    deepstack.check_aliases(settings, detector.name)
    service = Service.create(settings, detector)
    app.state.index = LabelIndex(settings.table) if settings.table else None
    app.state.service = service
    return service


def _middleware(settings: Settings, observers: list[Observer]) -> Iterator[Middleware]:
    """Yields middleware from the outermost to the innermost."""
    yield Middleware(RequestPath, settings.root_path)
    yield Middleware(RecordRequests, observers)
    if settings.cors_origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            allow_credentials="*" not in settings.cors_origins,
            expose_headers=_EXPOSED_HEADERS,
        )
    yield Middleware(HostCheck, settings.allowed_hosts)
    yield Middleware(ErrorBoundary)


def _paths(routers: list[APIRouter]) -> list[str]:
    """Paths for clients, without the catch-all routes that only refuse requests."""
    routes = [route for router in routers for route in router.routes if isinstance(route, Route)]
    paths = {route.path for route in routes}
    return sorted(path for path in paths if ":path}" not in path)


def _routers(settings: Settings, counts: Metrics) -> Iterator[APIRouter]:
    yield detect.router
    yield healthz.router
    yield model.router
    yield search.router
    yield rekognition.router
    yield deepstack.router
    yield deepstack_status.router
    if settings.metrics != "off":
        yield metrics.create_router(counts, keyed=settings.metrics == "keyed")
    yield pages.router
