"""What requests have come to so far: counts and histograms, cheap to add to, read when scraped."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from app.observability.request_record import METHODS, Exchange

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MEGAPIXELS = (0.1, 0.3, 1.0, 3.0, 8.0, 12.0, 24.0, 50.0)
GONE = "gone"
"""Status of a request whose client went away before the answer began."""
TOTAL = "total"
"""The stage that is all of them, and what lies between."""
REASONS = {
    "Overloaded": "overloaded",
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
"""Why a request was turned away, by the code of its error."""


@dataclass
class Histogram:
    bounds: tuple[float, ...]
    """Upper, the last one infinite and not listed."""
    counts: list[int] = field(default_factory=list)
    """Of each bucket by itself."""
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tally:
    """An observer; called from the event loop only."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, str, str]] = Counter()
        """By method, route, status and error code."""
        self.rejected = Counter(dict.fromkeys(REASONS.values(), 0))
        """By reason: all of them from the start, or the first one would not count as a rise."""
        self.open = 0
        """Requests that have come and are not answered yet."""
        self.durations: dict[str, Histogram] = {}
        """Seconds from the first to the last byte, by route."""
        self.stages: dict[str, Histogram] = {}
        """Seconds, by stage."""
        self.megapixels = Histogram(MEGAPIXELS)
        self.received = 0
        """Bytes of bodies."""
        self.detections = 0

    def __call__(self, exchange: Exchange) -> Callable[[], None]:
        self.open += 1

        def finish() -> None:
            self.open -= 1
            self._count(exchange)

        return finish

    def _count(self, exchange: Exchange) -> None:
        method = exchange.method if exchange.method in METHODS else "other"
        status = GONE if exchange.status is None else str(exchange.status)
        self.requests[method, exchange.route, status, exchange.code] += 1
        if exchange.code in REASONS:
            self.rejected[REASONS[exchange.code]] += 1
        seconds = exchange.ended - exchange.began
        _histogram(self.durations, exchange.route).add(seconds)
        for stage in exchange.stages:
            _histogram(self.stages, stage.name).add(stage.seconds)
        if exchange.image:
            width, height = exchange.image
            self.megapixels.add(width * height / 1e6)
            _histogram(self.stages, TOTAL).add(seconds)
        self.received += exchange.received
        self.detections += exchange.detections


def _histogram(among: dict[str, Histogram], name: str) -> Histogram:
    if name not in among:
        among[name] = Histogram(SECONDS)
    return among[name]
