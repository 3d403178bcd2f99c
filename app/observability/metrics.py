"""Counters and histograms of all requests so far: cheap to update, and read when scraped."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.observability.request_record import METHODS, RequestRecord

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MEGAPIXELS = (0.1, 0.3, 1.0, 3.0, 8.0, 12.0, 24.0, 50.0)
GONE = "gone"
"""Status of a request whose client disconnected before the answer began."""
TOTAL = "total"
"""Name of the stage for the whole request."""
REASONS = {
    "Overloaded": "overloaded",
    "StorageBusy": "storage",
    "TooManyRequests": "rate_limit",
    "ImageTooLarge": "too_large",
    "RequestTimeout": "too_slow",
    "ModelUnavailable": "unavailable",
    **dict.fromkeys(
        (
            "AccessDenied",
            "MisdirectedRequest",
            "AccessDeniedException",
            "MissingAuthenticationTokenException",
            "IncompleteSignatureException",
            "UnrecognizedClientException",
            "InvalidSignatureException",
        ),
        "access",
    ),
}
"""Reasons for rejected requests by class of the error."""


@dataclass
class Histogram:
    bounds: tuple[float, ...]
    """Upper bounds, without the last one, which is infinite."""
    counts: list[int] = field(default_factory=list)
    """One count per bucket, not cumulative."""
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """Not thread-safe: call its methods from the event loop only."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, str, str]] = Counter()
        """Requests by method, route, status and error code."""
        self.rejected = Counter(dict.fromkeys(REASONS.values(), 0))
        """Requests by reason; each starts at 0 so that ``rate()`` sees the first increment."""
        self.open = 0
        """Requests that are not answered yet."""
        self.durations: dict[str, Histogram] = {}
        """Seconds from the first to the last byte, by route."""
        self.stages: dict[str, Histogram] = {}
        """Seconds by stage."""
        self.megapixels = Histogram(MEGAPIXELS)
        self.received_bytes = 0
        """Bytes of request bodies."""
        self.detections = 0

    def observe(self, record: RequestRecord) -> Callable[[], None]:
        self.open += 1

        def finish() -> None:
            self.open -= 1
            self._count(record)

        return finish

    def _count(self, record: RequestRecord) -> None:
        method = record.method if record.method in METHODS else "other"
        status = GONE if record.status is None else str(record.status)
        self.requests[method, record.route, status, record.error_code] += 1
        if record.error_kind in REASONS:
            self.rejected[REASONS[record.error_kind]] += 1
        _histogram(self.durations, record.route).add(record.seconds)
        for stage in record.stages:
            _histogram(self.stages, stage.name).add(stage.seconds)
        if record.image_size:
            width, height = record.image_size
            self.megapixels.add(width * height / 1e6)
            _histogram(self.stages, TOTAL).add(record.seconds)
        self.received_bytes += record.received_bytes
        self.detections += record.detections


class ProcessState(NamedTuple):
    """The state of the process when the metrics are asked for."""

    ready: bool
    """True if the model works and the process was not told to stop."""
    running: int
    """Images being processed."""
    waiting: int
    queue_capacity: int
    """Most images that may be processed or wait."""
    shed: int
    """Requests refused so far without being parsed."""
    held_bytes: int
    """Memory held by requests that are not answered yet."""
    model: Mapping[str, str]


def _histogram(among: dict[str, Histogram], name: str) -> Histogram:
    if name not in among:
        among[name] = Histogram(SECONDS)
    return among[name]
