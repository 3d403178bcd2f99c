"""Logs as JSON, one line a record."""

import json
import logging
import sys
import time
from typing import Any, TextIO


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
        """A line that cannot be written is lost; without a word, which could not be written."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def configure(level: str) -> None:
    """Spotter's, uvicorn's and OpenTelemetry's lines to standard output; anybody's warnings, too.

    uvicorn's own access log is not needed.
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
    if not root.handlers:  # Lambda's has one
        root.addHandler(handler)
    spans = logging.getLogger("opentelemetry")
    spans.setLevel(max(spans.level, logging.WARNING))
    logging.getLogger("uvicorn.error").handlers = []
    access = logging.getLogger("uvicorn.access")
    access.handlers = []
    access.propagate = False
