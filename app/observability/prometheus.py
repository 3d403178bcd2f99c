"""Formats the metrics and the state of the process for Prometheus."""

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
        "Answered requests by method, route, status and error code.",
        labels=("method", "route", "status", "code"),
    )
    for labels, count in metrics.requests.items():
        requests.add_metric(labels, count)
    yield requests
    yield _histograms(
        "spotter_request_duration_seconds",
        "Time from the first byte of a request to the last byte of its answer.",
        "route",
        metrics.durations,
    )
    yield _histograms(
        "spotter_stage_duration_seconds", "Time of each stage.", "stage", metrics.stages
    )
    pixels = HistogramMetricFamily("spotter_image_megapixels", "Size of the images.")
    pixels.add_metric((), _buckets(metrics.megapixels), metrics.megapixels.total)
    yield pixels
    yield CounterMetricFamily("spotter_received_bytes", "Bytes of bodies.", metrics.received_bytes)
    yield CounterMetricFamily("spotter_detections", "Detected objects.", metrics.detections)
    yield GaugeMetricFamily("spotter_requests_open", "Unanswered requests.", metrics.open)


def _rejected(metrics: Metrics, state: ProcessState) -> Metric:
    rejected = CounterMetricFamily(
        "spotter_rejected", "Rejected requests by reason.", labels=("reason",)
    )
    for reason, count in metrics.rejected.items():
        rejected.add_metric((reason,), count)
    rejected.add_metric(("shed",), state.shed)
    return rejected


def _of_state(state: ProcessState) -> Iterator[Metric]:
    yield GaugeMetricFamily("spotter_ready", "1 if /healthz answers 200.", state.ready)
    yield GaugeMetricFamily("spotter_images_running", "Images being processed.", state.running)
    yield GaugeMetricFamily("spotter_images_waiting", "Images in the queue.", state.waiting)
    yield GaugeMetricFamily(
        "spotter_queue_capacity", "Most images that may run or wait.", state.queue_capacity
    )
    yield GaugeMetricFamily("spotter_held_bytes", "Bytes held by requests.", state.held_bytes)
    yield InfoMetricFamily("spotter_model", "The served model.", dict(state.model))


def _histograms(name: str, told: str, label: str, among: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, told, labels=(label,))
    for value, histogram in among.items():
        family.add_metric((value,), _buckets(histogram), histogram.total)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Cumulative counts, as Prometheus requires."""
    bounds = (*map(str, histogram.bounds), "+Inf")
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
