"""``handler``, the entry point of AWS Lambda for HTTP events and those of queues and buckets.

The detector is loaded at import, once per environment.
"""

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from app import startup


def _warm_up() -> None:
    from app.service.loading import warm_up

    warm_up(_detector)
    _app.openapi()  # which builds all routes


with startup.shortcuts():
    from app.observability import json_log
    from app.service.loading import load_detector
    from app.settings import load_settings

    _settings = load_settings()
    json_log.configure(_settings.log_level)
    with startup.beside(load_detector, _settings) as _loading:
        from app.cloud import snapstart
        from app.gateway.http import adapt
        from app.http.application import create_app
    _detector = _loading.result()
    _app = create_app(_settings, _detector)
    _http = adapt(_app, root_path=_settings.root_path)
    _index = _app.state.index
    snapstart.register(
        _warm_up, _app.state.service.storage.connection, _index.connection if _index else None
    )

if TYPE_CHECKING:
    from app.events.consumer import Consumer


def handler(event: Any, context: Any) -> Any:
    if isinstance(event, dict) and "requestContext" in event:
        return _http(event, context)
    if not _settings.table and not _tells_of_objects(event):
        return None
    return _consumer().consume(event, context)


def _tells_of_objects(event: object) -> bool:
    """Whether ``event`` is about objects in S3. Logs other events, such as those of a schedule."""
    from app.events.warm_up import is_warm_up, tells_of_objects

    if tells_of_objects(event):
        return True
    level = logging.INFO if is_warm_up(event) else logging.WARNING
    logging.getLogger("spotter.events").log(level, "ignored an event without objects")
    return False


@cache
def _consumer() -> "Consumer":
    from app.events.consumer import Consumer
    from app.events.setup import create_annotator

    return Consumer(create_annotator(_settings, _detector))
