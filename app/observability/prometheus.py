"""The text that Prometheus reads, from the metrics and the state of the process."""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from app.observability.metrics import Histogram, Metrics, ProcessState

CONTENT_TYPE = CONTENT_TYPE_LATEST


def expose(metrics: Metrics, state: ProcessState) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(metrics, state))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Families:
    def __init__(self, metrics: Metrics, state: ProcessState) -> None:
        self._metrics = metrics
        self._state = state

    def collect(self) -> Iterator[Metric]:
        yield from _of_requests(self._metrics)
        yield _rejected(self._metrics, self._state)
        yield from _of_state(self._state)


def _of_requests(metrics: Metrics) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "spotter_requests",
        "Requests answered, by the code of their error.",
        labels=("method", "route", "status", "code"),
    )
    for labels, count in metrics.requests.items():
        requests.add_metric(labels, count)
    yield requests
    yield _histograms(
        "spotter_request_duration_seconds",
        "From the first to the last byte of a request and its answer.",
        "route",
        metrics.durations,
    )
    yield _histograms(
        "spotter_stage_duration_seconds", "Parts of the answer's time.", "stage", metrics.stages
    )
    pixels = HistogramMetricFamily("spotter_image_megapixels", "Size of the images.")
    pixels.add_metric((), _buckets(metrics.megapixels), metrics.megapixels.total)
    yield pixels
    yield CounterMetricFamily("spotter_received_bytes", "Of bodies.", metrics.received_bytes)
    yield CounterMetricFamily("spotter_detections", "Objects found.", metrics.detections)
    yield GaugeMetricFamily("spotter_requests_open", "Not answered yet.", metrics.open)


def _rejected(metrics: Metrics, state: ProcessState) -> Metric:
    rejected = CounterMetricFamily(
        "spotter_rejected", "Requests turned away, by the reason.", labels=("reason",)
    )
    for reason, count in metrics.rejected.items():
        rejected.add_metric((reason,), count)
    rejected.add_metric(("shed",), state.shed)
    return rejected


def _of_state(state: ProcessState) -> Iterator[Metric]:
    yield GaugeMetricFamily("spotter_ready", "1 if /healthz answers 200.", state.ready)
    yield GaugeMetricFamily("spotter_images_running", "Being worked on.", state.running)
    yield GaugeMetricFamily("spotter_images_waiting", "In the queue.", state.waiting)
    yield GaugeMetricFamily(
        "spotter_queue_capacity", "Images that may run or wait.", state.queue_capacity
    )
    yield GaugeMetricFamily("spotter_held_bytes", "Bodies in memory.", state.held_bytes)
    yield InfoMetricFamily("spotter_model", "What is served.", dict(state.model))


def _histograms(name: str, told: str, label: str, among: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, told, labels=(label,))
    for value, histogram in among.items():
        family.add_metric((value,), _buckets(histogram), histogram.total)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus wants them."""
    bounds = (*map(str, histogram.bounds), "+Inf")
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
