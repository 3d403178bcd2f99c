"""More work than there is room for: a white picture keeps the one worker busy for a while."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from tests.eventually import eventually
from tests.http.client import Wire, drawn, full, is_answered, post, problem, sent, statuses
from tests.http.scripted import WHITE
from tests.server import LIMIT, Server, serve

QUICK, SLOW = drawn(), drawn(colour=WHITE)
T = TypeVar("T")


@pytest.fixture(scope="module")
def narrow(scripted_model: Path) -> Iterator[Server]:
    """One image at a time, and two may wait."""
    with serve(scripted_model, concurrency="1", queue="2", threads="1") as server:
        yield server


@contextmanager
def crowd(server: Server, accept: str = "application/json") -> Iterator[list[Wire]]:
    """Three slow requests, which take every place."""
    with sent(server, SLOW, 3, accept) as wires:
        eventually(lambda: full(server) or is_answered(wires[0]))
        yield wires
    eventually(lambda: post(server, QUICK).status_code == 200)


def while_full(server: Server, look: Callable[[list[Wire]], T]) -> tuple[T, list[httpx.Response]]:
    """What ``look`` returns while a crowd takes every place, and what the crowd is answered.

    It counts only if nobody in the crowd had an answer yet when ``look`` was done: a busy machine
    may stop this process for longer than the server needs for a picture.
    """
    for _ in range(20):
        with crowd(server) as wires:
            seen = look(wires)
            was_full = not is_answered(wires[0])
            answers = [wire.response() for wire in wires if wire.is_open]
        if was_full:
            return seen, answers
    raise AssertionError("Somebody in the crowd was always answered first.")


def test_a_full_queue_refuses_and_keeps_its_word(narrow: Server) -> None:
    refused, answers = while_full(narrow, lambda _: post(narrow, QUICK))
    detail = problem(refused, 503, "Overloaded")
    assert "3 images" in detail
    assert int(refused.headers["retry-after"]) >= 1
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert post(narrow, QUICK).status_code == 200


def test_a_picture_that_has_its_place_keeps_it(narrow: Server) -> None:
    """Though others want it as soon as the boxes are found, and before they are drawn."""
    seen: set[int] = set()
    answered = False
    end = time.monotonic() + LIMIT

    def insist() -> None:
        # Four for three places: sooner or later one of them is refused, and one is not.
        while not (answered and seen >= {200, 503}) and time.monotonic() < end:
            seen.add(post(narrow, SLOW).status_code)

    with crowd(narrow, "image/png") as wires, ThreadPoolExecutor(4) as pool:
        others = [pool.submit(insist) for _ in range(4)]
        got = statuses(wires)
        answered = True
    for other in others:
        other.result()
    assert got == [200, 200, 200]
    assert seen == {200, 503}


def test_of_a_rush_all_that_fit_are_answered(narrow: Server) -> None:
    with sent(narrow, SLOW, 8) as wires:
        got = statuses(wires)
    assert got.count(200) >= 3
    assert got.count(503) >= 1
    assert set(got) == {200, 503}


def test_health_is_answered_at_once_under_full_load(narrow: Server) -> None:
    """Ten answers come before one picture is done."""

    def ask_often(_: list[Wire]) -> set[int]:
        return {narrow.client.get("/healthz").status_code for _ in range(10)}

    assert while_full(narrow, ask_often)[0] == {200}


def test_who_leaves_while_waiting_frees_the_place(narrow: Server) -> None:
    def leave(wires: list[Wire]) -> None:
        wires[1].close()
        eventually(lambda: not full(narrow))

    _, answers = while_full(narrow, leave)
    assert [answer.status_code for answer in answers] == [200, 200]
    (gone, *_) = (line for line in narrow.log() if line.get("gone") and line["bytes"])
    assert gone["status"] is None
    assert "Traceback" not in narrow.output()


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
