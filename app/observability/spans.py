"""Exports request records as spans by OTLP over HTTP; imported only if traces are wanted."""

import threading
from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.observability.request_record import METHODS, Observer, RequestRecord

_PROPAGATOR = TraceContextTextMapPropagator()
_NANOSECONDS = 1_000_000_000
_CLOSE_SECONDS = 5.0
_WITHOUT_SPANS = ("/healthz", "/metrics")
"""Paths that monitoring requests every few seconds."""


def exporting(version: str) -> tuple[Observer, Callable[[], None]]:
    """Endpoint, headers, sampler and service name come from OpenTelemetry's own variables."""
    resource = Resource({SERVICE_NAME: "spotter", SERVICE_VERSION: version})
    provider = TracerProvider(
        resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

    def close() -> None:
        """Sends the remaining spans, unless that takes longer than ``_CLOSE_SECONDS``."""
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(_CLOSE_SECONDS)

    return observer(provider.get_tracer("spotter", version)), close


def observer(tracer: Tracer) -> Observer:
    def observe(record: RequestRecord) -> Callable[[], None]:
        if record.path.endswith(_WITHOUT_SPANS):
            return lambda: None
        span = tracer.start_span(
            _method(record),
            _PROPAGATOR.extract(record.headers),
            SpanKind.SERVER,
            start_time=record.epoch_ns,
        )
        record.trace_id = f"{span.get_span_context().trace_id:032x}"
        return lambda: _finish(tracer, span, record)

    return observe


def _method(record: RequestRecord) -> str:
    return record.method if record.method in METHODS else "_OTHER"


def _finish(tracer: Tracer, span: Span, record: RequestRecord) -> None:
    span.update_name(f"{_method(record)} {record.route}")
    span.set_attributes(
        {
            "http.request.method": _method(record),
            "http.route": record.route,
            "http.request.body.size": record.received_bytes,
            "spotter.request_id": record.id,
        }
    )
    if record.status is not None:
        span.set_attribute("http.response.status_code", record.status)
    if record.error_code:
        span.set_attribute("error.type", record.error_code)
    if record.status is None or record.status >= 500:
        span.set_status(Status(StatusCode.ERROR))
    if record.image_size:
        span.set_attribute("spotter.image.width", record.image_size[0])
        span.set_attribute("spotter.image.height", record.image_size[1])
        span.set_attribute("spotter.detections", record.detections)
    inside = set_span_in_context(span)
    for stage in record.stages:
        began = record.epoch_ns + int((stage.began - record.began) * _NANOSECONDS)
        child = tracer.start_span(stage.name, inside, start_time=began)
        child.end(began + int(stage.seconds * _NANOSECONDS))
    span.end(record.epoch_ns + int((record.ended - record.began) * _NANOSECONDS))
