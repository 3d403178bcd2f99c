"""Exchanges as spans, sent by OTLP over HTTP. Imported only where traces are wanted."""

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

from app.observability.request_record import METHODS, Exchange, Observer

_PROPAGATOR = TraceContextTextMapPropagator()
_SECOND = 1_000_000_000
_LAST_SECONDS = 5.0
_UNTOLD = ("/healthz", "/metrics")
"""Asked for by machines every few seconds."""


def exporting(version: str) -> tuple[Observer, Callable[[], None]]:
    """Endpoint, headers, sampler and service name come from OpenTelemetry's own variables."""
    resource = Resource({SERVICE_NAME: "spotter", SERVICE_VERSION: version})
    provider = TracerProvider(
        resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

    def close() -> None:
        """Sends what is left, unless the collector keeps the process from ending."""
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(_LAST_SECONDS)

    return observer(provider.get_tracer("spotter", version)), close


def observer(tracer: Tracer) -> Observer:
    def observe(exchange: Exchange) -> Callable[[], None]:
        if exchange.path.endswith(_UNTOLD):
            return lambda: None
        span = tracer.start_span(
            _method(exchange),
            _PROPAGATOR.extract(exchange.headers),
            SpanKind.SERVER,
            start_time=exchange.epoch_ns,
        )
        exchange.trace_id = f"{span.get_span_context().trace_id:032x}"
        return lambda: _finish(tracer, span, exchange)

    return observe


def _method(exchange: Exchange) -> str:
    return exchange.method if exchange.method in METHODS else "_OTHER"


def _finish(tracer: Tracer, span: Span, exchange: Exchange) -> None:
    span.update_name(f"{_method(exchange)} {exchange.route}")
    span.set_attributes(
        {
            "http.request.method": _method(exchange),
            "http.route": exchange.route,
            "http.request.body.size": exchange.received,
            "spotter.request_id": exchange.request_id,
        }
    )
    if exchange.status is not None:
        span.set_attribute("http.response.status_code", exchange.status)
    if exchange.code:
        span.set_attribute("error.type", exchange.code)
    if exchange.status is None or exchange.status >= 500:
        span.set_status(Status(StatusCode.ERROR))
    if exchange.image:
        span.set_attribute("spotter.image.width", exchange.image[0])
        span.set_attribute("spotter.image.height", exchange.image[1])
        span.set_attribute("spotter.detections", exchange.detections)
    inside = set_span_in_context(span)
    for stage in exchange.stages:
        began = exchange.epoch_ns + int((stage.began - exchange.began) * _SECOND)
        child = tracer.start_span(stage.name, inside, start_time=began)
        child.end(began + int(stage.seconds * _SECOND))
    span.end(exchange.epoch_ns + int((exchange.ended - exchange.began) * _SECOND))
