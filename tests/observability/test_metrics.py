"""/metrics of a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.eventually import eventually
from tests.http.client import drawn, is_answered, post, problem, sent, statuses
from tests.http.scripted import RED, WHITE, write_model
from tests.server import Server, serve

LIMIT = 200
"""Series of a server that has seen all sorts of requests."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "scripted.onnx")


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with serve(model, concurrency="1") as server:
        yield server


def scrape(server: Server, series: str, /, **labels: str) -> float:
    """The sum of all series of that name that have these labels."""
    text = server.client.get("/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == series and labels.items() <= sample.labels.items()
    )


def test_requests_are_counted_by_route_and_code(server: Server) -> None:
    before = scrape(server, "spotter_requests_total", route="/detect", status="200")
    refused = scrape(server, "spotter_requests_total", code="InvalidImageFormat")
    for _ in range(3):
        assert post(server, drawn(100, 50)).status_code == 200
    post(server, b"no image")
    after = scrape(server, "spotter_requests_total", route="/detect", status="200")
    assert after - before == 3
    assert scrape(server, "spotter_requests_total", code="InvalidImageFormat") - refused == 1
    counted = scrape(server, "spotter_stage_duration_seconds_count", stage="inference")
    assert counted == after
    assert scrape(server, "spotter_image_megapixels_sum") == pytest.approx(after * 0.005)


def test_clients_cannot_make_up_series(server: Server) -> None:
    for number in range(50):
        server.client.get(f"/made-up-{number}")
        server.client.request(f"VERB{number}", "/detect")
        server.client.post(f"/v1/vision/custom/model-{number}", content=b"x")
    text = server.client.get("/metrics").text
    series = [line for line in text.splitlines() if line.startswith("spotter_requests_total")]
    assert len(series) < LIMIT
    assert "made-up" not in text
    assert "VERB" not in text
    assert "model-7" not in text
    assert scrape(server, "spotter_requests_total", route="unknown", status="404") >= 50


def test_the_queue_is_told_while_it_is_there(server: Server) -> None:
    white = drawn(64, 64, WHITE)
    most = 0.0
    for _ in range(10):  # a busy machine may not let this process ask in time
        with sent(server, white, 4) as wires:
            while most < 2 and not is_answered(wires[-1]):
                most = max(most, scrape(server, "spotter_images_waiting"))
            if not is_answered(wires[-1]):
                assert scrape(server, "spotter_requests_open") >= 1
            assert statuses(wires) == [200] * 4
        if most >= 2:
            break
    assert most >= 2
    eventually(lambda: scrape(server, "spotter_images_running") == 0)


def test_what_is_turned_away_is_counted_by_reason(model: Path) -> None:
    def rejected(server: Server) -> dict[str, float]:
        reasons = ("access", "rate_limit", "too_large")
        return {r: scrape(server, "spotter_rejected_total", reason=r) for r in reasons}

    with serve(
        model, api_keys="one", rate_limit="1/h", max_body_bytes="2000", metrics="open"
    ) as server:
        assert rejected(server) == {"access": 0, "rate_limit": 0, "too_large": 0}
        post(server, drawn(), headers={"X-API-Key": "two"})
        post(server, b"x" * 3000, headers={"X-API-Key": "one"})
        post(server, drawn(), headers={"X-API-Key": "one"})
        server.client.post("/", headers={"X-Amz-Target": "RekognitionService.DetectLabels"})
        assert rejected(server) == {"access": 2, "rate_limit": 1, "too_large": 1}


def test_it_says_what_is_served_and_whether_it_works(server: Server) -> None:
    served = server.client.get("/model").json()
    info = {"name": "scripted", "family": "yolov8", "provider": "cpu", "sha256": served["sha256"]}
    assert scrape(server, "spotter_model_info", **info) == 1
    assert scrape(server, "spotter_ready") == 1
    post(server, drawn(colour=RED))
    assert scrape(server, "spotter_ready") == 0
    assert post(server, drawn()).status_code == 200
    assert scrape(server, "spotter_ready") == 1


def test_off_means_that_there_is_none(model: Path) -> None:
    with serve(model, metrics="off") as server:
        problem(server.client.get("/metrics"), 404, "NotFound")
        assert "/metrics" not in server.client.get("/openapi.json").json()["paths"]
        assert post(server, drawn()).status_code == 200


def test_keys_guard_it_unless_it_is_open(model: Path) -> None:
    with serve(model, api_keys="one") as server:
        problem(server.client.get("/metrics"), 401, "AccessDenied")
        answer = server.client.get("/metrics", headers={"Authorization": "Bearer one"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
    with serve(model, api_keys="one", metrics="open") as server:
        assert server.client.get("/metrics").status_code == 200
