"""``create_app`` makes what answers first, and all else later; ``app`` is what uvicorn serves."""

from app.early import start  # isort: split

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import FrameType
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import __version__, startup
from app.errors import StartError
from app.errors.problem import add_handlers
from app.http.later import Later
from app.http.middleware.host_check import HostCheck
from app.http.middleware.loopback import Loopback
from app.http.middleware.observation import Observation
from app.http.middleware.path_slashes import PathSlashes
from app.http.middleware.request_context import REQUEST_ID, ErrorBoundary, RequestContext, RootPath
from app.http.routes.detect import detect
from app.http.routes.healthz import healthz
from app.observability import json_log, tracing
from app.observability.metrics import Tally
from app.observability.request_record import Observer
from app.server.load_shedding import Shedder
from app.service.service import Service, load_detector
from app.settings import Settings, load_settings
from app.vision.detector import Detector

_SOON = 1.0
_EXPOSED_HEADERS = ("Server-Timing", REQUEST_ID, "Retry-After", "RateLimit", "RateLimit-Policy")


class Spotter(Starlette):
    """Answers ``/detect`` and ``/healthz`` itself; ``surfaces``, made later, answer the rest."""

    def __init__(self, make_surfaces: Callable[[State], ASGIApp], **options: Any) -> None:
        routes = [Route("/detect", detect, methods=["POST"]), Route("/healthz", healthz)]
        super().__init__(routes=routes, **options)
        self.surfaces = Later(partial(make_surfaces, self.state))
        self.router.redirect_slashes = False  # to an address that a proxy in front may not have
        self.router.default = self.surfaces
        add_handlers(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            send = _one_line_errors(send)
        await super().__call__(scope, receive, send)


def create_app(settings: Settings, detector: Detector | None = None) -> Spotter:
    """Where ``detector`` is given it is served as it is; else it is loaded in the lifespan."""
    tally = Tally()
    observers: list[Observer] = [] if settings.metrics == "off" else [tally]

    @asynccontextmanager
    async def lifespan(app: Spotter) -> AsyncIterator[dict[str, object]]:
        json_log.configure(settings.log_level)
        if detector is None:
            app.state.service = Service.create(settings, load_detector(settings))
        traces = tracing.start(__version__)
        if traces:
            observers.append(traces.observer)
        service: Service = app.state.service
        asyncio.get_running_loop().call_later(_SOON, _prepare, app)
        loopback = Loopback.of_running_server()
        with _draining_on_sigterm(service):
            yield {"shedder": Shedder(service), "loopback": loopback}
        service.pool.close(wait=False)  # whoever was to be answered has been
        if traces:
            traces.close()

    def make_surfaces(state: State) -> ASGIApp:
        with startup.quick_start():
            from app.http.application import create_surfaces

            return create_surfaces(settings, state, tally)

    app = Spotter(make_surfaces, lifespan=lifespan, middleware=_middleware(settings, observers))
    if detector is not None:
        app.state.service = Service.create(settings, detector)
    return app


def _middleware(settings: Settings, observers: list[Observer]) -> list[Middleware]:
    """From the outermost to the innermost."""
    chain = [
        Middleware(PathSlashes),
        Middleware(RootPath, settings.root_path),
        Middleware(RequestContext),
        Middleware(Observation, observers),
    ]
    if settings.cors_origins:
        chain.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
                allow_credentials="*" not in settings.cors_origins,
                expose_headers=_EXPOSED_HEADERS,
            )
        )
    return [*chain, Middleware(HostCheck, settings.allowed_hosts), Middleware(ErrorBoundary)]


def _prepare(app: Spotter) -> None:
    """Beside the first requests, what later ones ask for: the surfaces, and the model's hash, for
    which its file has to be as it was when it was loaded.
    """

    def prepare() -> None:
        _ = app.state.service.detector.model.sha256
        app.surfaces.made()

    threading.Thread(target=prepare, daemon=True).start()


@contextmanager
def _draining_on_sigterm(service: Service) -> Iterator[None]:
    """Say so on ``/healthz`` while the server finishes what it was given.

    The handler that was there, uvicorn's, is called as before.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous: dict[int, Any] = {}

    def drain(number: int, frame: FrameType | None) -> None:
        service.draining = True
        if callable(previous[number]):
            previous[number](number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        previous[number] = signal.getsignal(number)
        signal.signal(number, drain)
    try:
        yield
    finally:
        for restored, handler in previous.items():
            signal.signal(restored, handler)


def _one_line_errors(send: Send) -> Send:
    """Starlette reports a failed start as a traceback; its last line is the one for people."""

    async def shortened(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            last = message.get("message", "").strip().splitlines()[-1:]
            message["message"] = "".join(last).removeprefix("app.errors.StartError: ")
        await send(message)

    return shortened


def _settings_or_exit() -> Settings:
    try:
        return load_settings()
    except StartError as error:
        raise SystemExit(f"spotter: {error}") from None


def __getattr__(name: str) -> Spotter:
    """``app`` is made when uvicorn asks for it; Lambda makes one of its own."""
    if name != "app":
        raise AttributeError(name)
    with startup.quick_start():
        made = create_app(_settings_or_exit())
    globals()[name] = made
    return made


start.end()
