"""``app``, which uvicorn serves; its lifespan loads the detector."""

from app import startup

with startup.shortcuts():
    import asyncio
    import signal
    import threading
    from collections.abc import AsyncIterator, Iterator
    from contextlib import asynccontextmanager, contextmanager
    from types import FrameType
    from typing import Any

    from fastapi import FastAPI

    from app import __version__
    from app.http.application import create_app, start_service
    from app.observability import json_log, tracing
    from app.server.load_shedding import Shedder
    from app.server.loopback import Loopback
    from app.service.loading import load_detector
    from app.service.service import Service
    from app.settings import exit_if_wrong, load_settings

_HASH_DELAY_SECONDS = 1.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    json_log.configure(settings.log_level)
    service = start_service(app, settings, load_detector(settings))
    traces = tracing.start(__version__)
    if traces:
        app.state.observers.append(traces[0])
    # Runs during the first requests, before the file is likely to be replaced.
    hashing = threading.Thread(target=lambda: service.detector.model.sha256, daemon=True)
    asyncio.get_running_loop().call_later(_HASH_DELAY_SECONDS, hashing.start)
    loopback = Loopback.of_running_server()
    with _draining_on_sigterm(service):
        yield {"shedder": Shedder(service), "loopback": loopback}
    service.pool.close(wait=False)  # all requests have been answered
    if traces:
        traces[1]()


@contextmanager
def _draining_on_sigterm(service: Service) -> Iterator[None]:
    """Makes ``/healthz`` report draining while the server finishes its requests.

    The previous handler, uvicorn's, is still called.
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


with exit_if_wrong():
    settings = load_settings()
with startup.shortcuts():
    app = create_app(settings, lifespan=lifespan)
