"""OpenTelemetry spans of requests: one each, a child for every stage.

Where its packages are there (extra ``tracing``) and its own variables name an endpoint. Spans say
nothing of what is in an image, and of headers only the context that a caller passes on.
"""

import logging
import os
from collections.abc import Callable

from app.observability.request_record import Observer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_log = logging.getLogger("spotter.tracing")


def wanted() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp").lower() != "otlp":
        return False
    return any(os.environ.get(name) for name in _ENDPOINTS)


class Tracing:
    """An observer, and what is to be closed in the end so that the last spans are sent."""

    def __init__(self, observer: Observer, close: Callable[[], None]) -> None:
        self.observer = observer
        self.close = close


def start(version: str) -> Tracing | None:
    """None where nobody asks for traces, or the packages are missing, which is logged."""
    if not wanted():
        return None
    try:
        # They take longer to import than the rest of the service.
        from app.observability.spans import exporting
    except ImportError as error:
        _log.warning("no traces: %s is missing, which the extra 'tracing' brings", error.name)
        return None
    return Tracing(*exporting(version))
