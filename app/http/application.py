"""Puts the surfaces together, and the document that tells of them all."""

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.middleware import Middleware

from app import __version__
from app.errors.problem import add_handlers
from app.http.middleware.request_context import ErrorBoundary
from app.http.routes import deepstack, docs, documented, metrics, model, page, rekognition
from app.observability.metrics import Tally
from app.settings import Settings


def create_surfaces(settings: Settings, state: State, tally: Tally) -> FastAPI:
    """``state``, with the service in it, is that of the application in front."""
    app = FastAPI(
        title="Spotter",
        version=__version__,
        license_info={"name": "Apache-2.0"},
        # FastAPI's own spans would carry queries and the words of exceptions.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url=None,
        generate_unique_id_function=lambda route: route.name,  # as clients call their functions
        redoc_url=None,
        redirect_slashes=False,  # to an address that a proxy in front may not have
        middleware=[Middleware(ErrorBoundary)],
    )
    app.state = state
    add_handlers(app)
    for surface in (documented, model, rekognition, deepstack):
        app.include_router(surface.router)
    if settings.metrics != "off":
        metrics.add_metrics(app, tally, keyed=settings.metrics == "keyed")
    page.add_page(app)
    docs.add_docs(app)
    return app
