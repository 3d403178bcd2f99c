"""Counts and buckets, and the text that is made of them."""

from prometheus_client.parser import text_string_to_metric_families

from app.errors import PUBLIC_ERRORS, StorageBusy
from app.observability.metrics import REASONS, SECONDS, Histogram, Metrics, ProcessState
from app.observability.prometheus import expose
from app.observability.request_record import RequestRecord
from app.rekognition.errors import AwsError

STATE = ProcessState(True, 1, 2, 34, 5, 6, {"name": 'a "quoted"\nname'})


def record(**given: object) -> RequestRecord:
    made = RequestRecord("id", "POST", "/detect", {}, began=10.0)
    made.ended, made.route, made.status = 10.5, "/detect", 200
    for name, value in given.items():
        setattr(made, name, value)
    return made


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = expose(metrics, STATE).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_value_on_a_bound_lies_below_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 2.1):
        histogram.add(value)
    assert histogram.counts == [2, 2, 1]
    assert histogram.total == 6.6


def test_what_prometheus_reads_is_what_was_counted() -> None:
    metrics = Metrics()
    first = record(image_size=(2000, 1000), detections=3, received_bytes=100)
    first.add_stage("inference", 10.0, 10.2)
    metrics.observe(first)()
    metrics.observe(record(status=503, error_code="Overloaded", error_kind="Overloaded"))()
    metrics.observe(record(status=503, error_code="Overloaded", error_kind="StorageBusy"))()
    metrics.observe(record(status=None, method="BREW"))()
    still_open = metrics.observe(record())
    found = samples(metrics)
    labels = (("code", ""), ("method", "POST"), ("route", "/detect"), ("status", "200"))
    assert found["spotter_requests_total", labels] == 1
    refused = (("code", "Overloaded"), ("method", "POST"), ("route", "/detect"), ("status", "503"))
    assert found["spotter_requests_total", refused] == 2
    gone = (("code", ""), ("method", "other"), ("route", "/detect"), ("status", "gone"))
    assert found["spotter_requests_total", gone] == 1
    assert found["spotter_requests_open", ()] == 1
    assert found["spotter_rejected_total", (("reason", "overloaded"),)] == 1
    assert found["spotter_rejected_total", (("reason", "storage"),)] == 1
    assert found["spotter_rejected_total", (("reason", "rate_limit"),)] == 0
    total = (("stage", "total"),)
    assert found["spotter_stage_duration_seconds_count", total] == 1
    assert found["spotter_stage_duration_seconds_sum", total] == 0.5
    stage = ("stage", "inference")
    assert found["spotter_stage_duration_seconds_bucket", (("le", "0.25"), stage)] == 1
    assert found["spotter_stage_duration_seconds_bucket", (("le", "0.1"), stage)] == 0
    assert found["spotter_stage_duration_seconds_count", (stage,)] == 1
    assert found["spotter_request_duration_seconds_sum", (("route", "/detect"),)] == 2.0
    assert found["spotter_image_megapixels_sum", ()] == 2
    assert found["spotter_detections_total", ()] == 3
    assert found["spotter_received_bytes_total", ()] == 100
    still_open()
    assert samples(metrics)["spotter_requests_open", ()] == 0


def test_the_state_is_told_and_the_process_too() -> None:
    found = samples(Metrics())
    assert found["spotter_images_running", ()] == 1
    assert found["spotter_images_waiting", ()] == 2
    assert found["spotter_queue_capacity", ()] == 34
    assert found["spotter_rejected_total", (("reason", "shed"),)] == 5
    assert found["spotter_ready", ()] == 1
    assert found["spotter_held_bytes", ()] == 6
    assert found["spotter_model_info", (("name", 'a "quoted"\nname'),)] == 1
    assert found["process_resident_memory_bytes", ()] > 1_000_000


def test_reasons_are_those_of_errors_that_there_are() -> None:
    known = {error.__name__ for error in (*PUBLIC_ERRORS, StorageBusy)}
    known |= {error.__name__ for error in AwsError.__subclasses__()}
    assert set(REASONS) <= known
    refusals = {
        error.__name__ for error in PUBLIC_ERRORS if error.status in (401, 408, 413, 429, 503)
    }
    assert refusals <= set(REASONS)


def test_bounds_rise() -> None:
    assert list(SECONDS) == sorted(SECONDS)
