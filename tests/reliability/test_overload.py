"""Twenty times what the server can do, for some seconds; ``python -m benchmarks.overload`` is the
same for minutes. What counts are ratios: machines differ, and clients share the cores."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.harness.load import raw_request
from benchmarks.harness.open_loop import offer
from benchmarks.harness.process import run
from benchmarks.overload import Report, measure
from tests.http.client import Wire, drawn, post, problem, sent
from tests.http.scripted import WHITE, write_model
from tests.server import Server, environment, serve

pytestmark = pytest.mark.load

SLOW = drawn(colour=WHITE)
QUEUE = 16
PLACES = 1 + QUEUE
SETTINGS = {"concurrency": "1", "queue": str(QUEUE), "threads": "1"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 50 ms for a white picture."""
    return write_model(tmp_path_factory.mktemp("models") / "scripted.onnx", white_steps=100)


@pytest.fixture(scope="module")
def report(model: Path) -> Iterator[Report]:
    """On a core of its own, where there is more than one."""
    given = {k: v for k, v in environment(model, 1, SETTINGS).items() if k.startswith("SPOTTER_")}
    cores = os.sched_getaffinity(0)
    mine = {max(cores)}
    os.sched_setaffinity(0, cores - mine or cores)
    try:
        with run([sys.executable, "-m", "app"], given, mine) as server:
            yield measure(server, SLOW, PLACES, times=20, seconds=8)
    finally:
        os.sched_setaffinity(0, cores)


def test_all_are_answered_one_way_or_the_other(report: Report) -> None:
    tally = report.tally
    assert not tally.others
    assert tally.sent >= 0.9 * 20 * report.capacity * tally.seconds
    assert len(tally.refused) > 10 * len(tally.accepted)


def test_as_many_are_worked_on_as_otherwise(report: Report) -> None:
    assert len(report.tally.accepted) / report.tally.seconds > 0.5 * report.capacity


def test_who_is_accepted_waits_no_longer_than_the_queue(report: Report) -> None:
    accepted = sorted(report.tally.accepted)
    p95 = accepted[int(len(accepted) * 0.95)]
    service_time = report.tally.seconds / len(accepted)
    assert p95 < 1.5 * PLACES * service_time  # 0.7 where nobody else works


def test_health_and_refusals_do_not_wait_in_line(report: Report) -> None:
    health, refused = sorted(report.health), sorted(report.tally.refused)
    whole_queue = PLACES / report.capacity
    assert len(health) > 50
    assert health[int(len(health) * 0.99)] < whole_queue / 2
    assert refused[int(len(refused) * 0.95)] < whole_queue / 2


def test_memory_stays_as_it_is(report: Report) -> None:
    half = len(report.resident) // 2
    assert max(report.resident[half:]) < 1.05 * max(report.resident[:half])


def test_afterwards_it_is_as_quick_as_before(report: Report) -> None:
    assert report.tally.drained < 1.5 * PLACES / report.capacity
    assert report.capacity_after > 0.7 * report.capacity


def test_retry_after_is_kept(model: Path) -> None:
    """Three times as many as there are places: who comes back when told is served in the end."""
    with serve(model, **SETTINGS) as server:
        assert post(server, SLOW).status_code == 200
        waits: list[int] = []

        def insist() -> int:
            for attempt in range(10):
                answer = post(server, SLOW)
                if answer.status_code == 200:
                    return attempt
                problem(answer, 503, "Overloaded")
                waits.append(int(answer.headers["retry-after"]))
                time.sleep(waits[-1])
            raise AssertionError("There never was a place.")

        with ThreadPoolExecutor(3 * PLACES) as clients:
            attempts = [client.result() for client in [clients.submit(insist) for _ in range(51)]]
        assert waits
        assert max(attempts) <= 3


def test_retry_after_tells_when_half_of_the_queue_is_done(tmp_path: Path) -> None:
    """Of a slow model: neither always one second, nor as long as all of the queue takes."""
    slow = write_model(tmp_path / "slow.onnx", white_steps=1000)
    with serve(slow, **SETTINGS) as server:
        began = time.monotonic()
        assert post(server, SLOW).status_code == 200
        service_time = time.monotonic() - began
        tally = asyncio.run(offer(server.port, [raw_request("/detect", SLOW)], 40, 1))
        assert tally.retry_after
        for told in tally.retry_after:
            assert 0.3 * PLACES * service_time < told < PLACES * service_time + 1


def test_refusals_look_alike_whichever_way_they_go(model: Path) -> None:
    """The first ones go the whole way; of very many most are cut short."""
    with serve(model, **SETTINGS) as server, ThreadPoolExecutor(1) as other:
        load = other.submit(asyncio.run, offer(server.port, [raw_request("/detect", SLOW)], 300, 3))
        time.sleep(1)
        answers = [
            post(server, SLOW, headers={"X-Request-Id": f"mine-{number}"}) for number in range(200)
        ]
        load.result()
        refused = [answer for answer in answers if answer.status_code == 503]
        logged = {line.get("id") for line in server.log()}
        short = [a for a in refused if a.headers["x-request-id"] not in logged]
        assert 0 < len(short) < len(refused)
        for answer in refused:
            assert "which is the limit" in problem(answer, 503, "Overloaded")
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.headers["x-request-id"].startswith("mine-")
        told = [line for line in server.log() if line["message"] == "shed"]
        assert sum(line["refused"] for line in told) >= 100


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Both of its places are taken for some seconds."""
    model = write_model(tmp_path_factory.mktemp("models") / "slow.onnx", white_steps=8000)
    settings = {"concurrency": "1", "queue": "1", "threads": "1"}
    with (
        serve(model, cors_origins="https://a.example", **settings) as server,
        sent(server, SLOW, 2),
    ):
        time.sleep(0.3)
        yield server


def test_a_browser_is_told_in_its_way(full: Server) -> None:
    """Refusals to pages of other origins carry what lets the page read them, all of them."""
    for _ in range(30):
        answer = post(full, SLOW, headers={"Origin": "https://a.example"})
        problem(answer, 503, "Overloaded")
        assert answer.headers["access-control-allow-origin"] == "https://a.example"


def test_the_rest_of_a_body_that_was_refused_is_not_kept(full: Server) -> None:
    """The refusal comes first, and reading it does not fail while the body is still being sent."""
    closed = 0
    for _ in range(40):
        with Wire(full) as wire:
            wire.head("POST", "/detect", {"Content-Length": "5000000"}).send(bytes(1000))
            for _ in range(5):
                wire.send(bytes(100_000))
            answer = wire.response()
        problem(answer, 503, "Overloaded")
        closed += answer.headers.get("connection") == "close"
    assert closed


def test_large_bodies_that_wait_stay_within_their_budget(model: Path) -> None:
    """Sixty times 15 MB for a hundred places: ten bodies of the greatest size may be held."""
    large = SLOW + bytes(15_000_000)
    with serve(model, concurrency="1", queue="100", threads="1") as server:
        assert post(server, SLOW).status_code == 200
        before = server.memory("VmRSS")
        with ThreadPoolExecutor(60) as clients:
            answers = list(clients.map(lambda _: post(server, large), range(60)))
        got = [answer.status_code for answer in answers]
        assert set(got) == {200, 503}
        assert got.count(200) >= 10
        for answer in answers:
            if answer.status_code == 503:
                assert "bytes" in problem(answer, 503, "Overloaded")
        budget = 10 * 20 * 2**20
        assert server.memory("VmHWM") - before < budget + 100_000_000
        assert server.memory("VmRSS") - before < 100_000_000  # and it is given back
        assert post(server, large).status_code == 200
