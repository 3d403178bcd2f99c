"""JSON logs with one line per record."""

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from app.observability.request_record import RequestRecord

_METHOD_CHARACTERS, _PATH_CHARACTERS = 20, 500
"""Most characters of a method and of a path in a line."""
_request_log = logging.getLogger("spotter.request")


class JsonFormatter(logging.Formatter):
    """``extra={"fields": {...}}`` becomes members of the line beside time, level and message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Ignores write errors, since they could not be logged either."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def configure(level: str) -> None:
    """Logs Spotter, uvicorn, OpenTelemetry and all warnings to standard output.

    uvicorn's own access log is turned off.
    """
    handler = _Handler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    for name in ("spotter", "uvicorn", "opentelemetry"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level.upper())
    logging.captureWarnings(True)
    root = logging.getLogger()
    if not root.handlers:  # on Lambda it has one
        root.addHandler(handler)
    spans = logging.getLogger("opentelemetry")
    spans.setLevel(max(spans.level, logging.WARNING))
    logging.getLogger("uvicorn.error").handlers = []
    access = logging.getLogger("uvicorn.access")
    access.handlers = []
    access.propagate = False


def log_request(record: RequestRecord) -> Callable[[], None]:
    """An observer that logs one line at the end of a request."""

    def finish() -> None:
        _request_log.info("request", extra={"fields": _fields(record)})

    return finish


def _fields(record: RequestRecord) -> dict[str, object]:
    """Members of the line. Stages are listed only if an image was processed, to keep it short."""
    fields: dict[str, object] = {
        "id": record.id,
        "method": record.method[:_METHOD_CHARACTERS],
        "path": record.path[:_PATH_CHARACTERS],
        "status": record.status,
        "bytes": record.received_bytes,
        "ms": round(record.seconds * 1000, 1),
    }
    if record.client_gone:
        fields["gone"] = True
    if record.error_code:
        fields["code"] = record.error_code
    if record.project_version:
        fields["projectVersion"] = record.project_version
    if record.image_size:
        fields["image"] = list(record.image_size)
        fields["detections"] = record.detections
        fields["stages"] = {stage.name: round(stage.seconds * 1000, 2) for stage in record.stages}
    if record.trace_id:
        fields["trace"] = record.trace_id
    return fields
