"""More work than there is room for: a white picture keeps the one worker busy for a while."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.eventually import eventually
from tests.http.client import Wire, drawn, full, post, problem, sent, statuses
from tests.http.scripted import WHITE
from tests.server import Server, serve

QUICK, SLOW = drawn(), drawn(colour=WHITE)


@pytest.fixture(scope="module")
def narrow(scripted_model: Path) -> Iterator[Server]:
    """One image at a time, and two may wait."""
    with serve(scripted_model, concurrency="1", queue="2", threads="1") as server:
        yield server


@contextmanager
def crowd(server: Server, accept: str = "application/json") -> Iterator[list[Wire]]:
    """Three slow requests, which take every place."""
    with sent(server, SLOW, 3, accept) as wires:
        eventually(lambda: full(server))
        yield wires
    eventually(lambda: post(server, QUICK).status_code == 200)


def test_a_full_queue_refuses_and_keeps_its_word(narrow: Server) -> None:
    with crowd(narrow) as wires:
        refused = post(narrow, QUICK)
        detail = problem(refused, 503, "Overloaded")
        assert "3 images" in detail
        assert int(refused.headers["retry-after"]) >= 1
        assert statuses(wires) == [200, 200, 200]
    assert post(narrow, QUICK).status_code == 200


def test_a_picture_that_has_its_place_keeps_it(narrow: Server) -> None:
    """Though others want it as soon as the boxes are found, and before they are drawn."""
    answered = threading.Event()

    def insist() -> set[int]:
        seen = set()
        while not answered.is_set():
            seen.add(post(narrow, SLOW).status_code)
        return seen

    with crowd(narrow, "image/png") as wires, ThreadPoolExecutor(4) as pool:
        others = [pool.submit(insist) for _ in range(4)]
        got = statuses(wires)
        answered.set()
    assert got == [200, 200, 200]
    assert set.union(*(other.result() for other in others)) == {200, 503}


def test_of_a_rush_all_that_fit_are_answered(narrow: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(narrow, SLOW), range(8)))
    got = [answer.status_code for answer in answers]
    assert got.count(200) >= 3
    assert got.count(503) >= 1
    assert set(got) == {200, 503}


def test_health_is_answered_at_once_under_full_load(narrow: Server) -> None:
    def seconds() -> float:
        began = time.monotonic()
        assert narrow.client.get("/healthz").status_code == 200
        return time.monotonic() - began

    with crowd(narrow) as wires:
        under_load = [seconds() for _ in range(10)]
        answers = [wire.response() for wire in wires]
    inference = min(float(a.headers["server-timing"].split("=")[3].split(",")[0]) for a in answers)
    assert median(under_load) < inference / 1000 / 3
    # The machine itself may hold one of them up.
    assert sorted(under_load)[-2] < inference / 1000


def test_who_leaves_while_waiting_frees_the_place(narrow: Server) -> None:
    with crowd(narrow) as wires:
        wires[1].close()
        eventually(lambda: not full(narrow))
        assert statuses([wires[0], wires[2]]) == [200, 200]
    eventually(lambda: bool(gone(narrow)))
    assert gone(narrow)[0]["status"] is None
    assert "Traceback" not in narrow.output()


def gone(server: Server) -> list[dict[str, Any]]:
    """Lines of the clients that left after they had sent a body."""
    return [line for line in server.log() if line.get("gone") and line["bytes"]]


def test_a_crowd_that_leaves_does_no_harm(narrow: Server) -> None:
    for _ in range(3):
        with crowd(narrow):
            pass
    assert narrow.client.get("/healthz").status_code == 200
    assert "Traceback" not in narrow.output()


def test_answers_do_not_get_mixed_up(scripted: Server) -> None:
    """Under concurrency everybody gets the size of his own picture."""
    sizes = [(40 + i, 90 - i) for i in range(24)]

    def found(size: tuple[int, int]) -> tuple[int, int]:
        image = post(scripted, drawn(*size)).json()["image"]
        return image["width"], image["height"]

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(found, sizes)) == sizes
