"""OpenTelemetry spans: one a request, with a child for every stage.

They are made if the extra ``tracing`` is installed and OpenTelemetry's own variables name an
endpoint. They say nothing of an image's content, and of headers only the caller's trace context.
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
    """An observer, and a function that sends the last spans.

    None if no traces are wanted, or if their packages are missing, which is logged."""
    if not wanted():
        return None
    try:
        # They take longer to import than the rest of the service.
        from app.observability.spans import exporting
    except ImportError as error:
        _log.warning("no traces: %s is missing, which the extra 'tracing' brings", error.name)
        return None
    return exporting(version)
