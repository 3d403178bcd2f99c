"""OpenTelemetry spans: one per request, with a child for every stage.

They are created if the extra ``tracing`` is installed and OpenTelemetry's own variables name an
endpoint. They contain nothing of an image's content, and of headers only the trace context.
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


def start(version: str) -> tuple[Observer, Callable[[], None]] | None:
    """Returns an observer and a function that sends the last spans.

    Returns None if no traces are wanted, or if their packages are missing, which is logged.
    """
    if not wanted():
        return None
    try:
        # OpenTelemetry takes longer to import than the rest of the service.
        from app.observability.spans import exporting
    except ImportError as error:
        _log.warning("no traces: %s is missing; install the extra 'tracing'", error.name)
        return None
    return exporting(version)
