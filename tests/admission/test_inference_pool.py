"""The bounded pool: what runs, what waits, what is refused, what is given up."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

import pytest

from app.admission.inference_pool import InferencePool
from app.errors import ModelUnavailable, Overloaded

LIMIT = 120.0
"""Seconds; it only ends a test that would wait for ever."""


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), LIMIT))


class Gate:
    """Work that says that it runs, and goes on when it is told to."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.open = threading.Event()
        self.runs = 0

    def __call__(self) -> str:
        self.runs += 1
        self.began.set()
        assert self.open.wait(LIMIT)
        return "done"

    @staticmethod
    def passed() -> None:
        """Work that takes no time."""

    async def running(self) -> None:
        assert await asyncio.to_thread(self.began.wait, LIMIT)


async def settled(pool: InferencePool, taken: int) -> None:
    while pool.taken != taken:
        await asyncio.sleep(0.001)


async def closed(pool: InferencePool) -> None:
    while True:
        try:
            pool.check_room()
        except ModelUnavailable:
            return
        except Overloaded:
            pass
        await asyncio.sleep(0.001)


def test_it_answers_what_the_work_answers_and_raises_what_it_raises() -> None:
    async def scene() -> None:
        pool = InferencePool(2, 0)
        assert await pool.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0)
        await settled(pool, 0)
        pool.close()

    play(scene)


def test_work_runs_away_from_the_event_loop() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 0)
        assert await pool.run(threading.get_ident) != threading.get_ident()
        pool.close()

    play(scene)


def test_no_more_runs_than_may_and_no_more_waits() -> None:
    async def scene() -> None:
        pool = InferencePool(2, 3)
        gates = [Gate() for _ in range(5)]
        tasks = [asyncio.create_task(pool.run(gate)) for gate in gates]
        await gates[0].running()
        await gates[1].running()
        await asyncio.sleep(0.05)
        assert [gate.runs for gate in gates] == [1, 1, 0, 0, 0]
        assert pool.taken == 5
        with pytest.raises(Overloaded) as refused:
            await pool.run(lambda: pytest.fail("ran"))
        assert int(refused.value.headers["Retry-After"]) >= 1
        with pytest.raises(Overloaded):
            pool.check_room()
        for gate in gates:
            gate.open.set()
        assert await asyncio.gather(*tasks) == ["done"] * 5
        await settled(pool, 0)
        pool.check_room()
        pool.close()

    play(scene)


def test_under_pressure_fewer_wait_the_slower_the_work_has_become(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 20 places 15, and of these half where an image takes twice as long as otherwise."""
    now = 1000.0
    monkeypatch.setattr("app.admission.inference_pool.time.monotonic", lambda: now)

    async def takes(pool: InferencePool, seconds: float) -> None:
        moments = iter((0.0, seconds))
        monkeypatch.setattr("app.admission.inference_pool.time.perf_counter", lambda: next(moments))
        await pool.run(lambda: None)
        await settled(pool, 0)
        await asyncio.sleep(0)  # since Python 3.14 the time is noted after the answer

    def room(pool: InferencePool) -> int:
        return next(n for n in range(100) if pool.overloaded(n))

    async def scene() -> None:
        nonlocal now
        pool = InferencePool(1, 19)
        pool.press()
        assert room(pool) == 15  # nothing is known of calmer times
        now += 2
        await takes(pool, 0.1)
        assert room(pool) == 20
        pool.press()
        assert room(pool) == 15
        for _ in range(100):
            await takes(pool, 0.2)
        assert room(pool) == 8
        for _ in range(100):
            await takes(pool, 5.0)
        assert room(pool) == 4  # and never fewer
        now += 2
        assert room(pool) == 20
        pool.close()
        assert room(InferencePool(1, 0)) == 1

    play(scene)


def test_without_a_queue_nothing_waits() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 0)
        gate = Gate()
        task = asyncio.create_task(pool.run(gate))
        await gate.running()
        with pytest.raises(Overloaded):
            await pool.run(lambda: None)
        gate.open.set()
        await task
        pool.close()

    play(scene)


def test_waiting_work_that_is_given_up_never_runs_and_frees_its_place_at_once() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 1)
        first, second, third = Gate(), Gate(), Gate()
        running = asyncio.create_task(pool.run(first))
        await first.running()
        waiting = asyncio.create_task(pool.run(second))
        await settled(pool, 2)
        waiting.cancel()
        await settled(pool, 1)  # though the first still runs
        instead = asyncio.create_task(pool.run(third))
        for gate in (first, second, third):
            gate.open.set()
        assert (await running, await instead) == ("done", "done")
        assert second.runs == 0
        with pytest.raises(asyncio.CancelledError):
            await waiting
        pool.close()

    play(scene)


def test_work_that_has_begun_keeps_its_place_until_it_ends() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 0)
        gate = Gate()
        task = asyncio.create_task(pool.run(gate))
        await gate.running()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.taken == 1
        with pytest.raises(Overloaded):
            pool.check_room()
        gate.open.set()
        await settled(pool, 0)
        assert await pool.run(lambda: "next") == "next"
        pool.close()

    play(scene)


def turns(*gates: Callable[[], object], told: list[str] | None = None) -> Generator[str, None, str]:
    """Work with a pause after each gate; ``told`` notes the turns in their order."""
    for number, gate in enumerate(gates):
        gate()
        if told is not None:
            told.append(f"turn {number}")
        yield f"pause {number}"
    return "done"


def test_between_two_turns_all_that_waits_comes_first() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 3)
        told: list[str] = []
        first = Gate()
        long = asyncio.create_task(pool.run_in_turns(turns(first, Gate.passed, told=told)))
        await first.running()
        others = [
            asyncio.create_task(pool.run(partial(told.append, f"other {number}")))
            for number in range(2)
        ]
        await settled(pool, 3)
        first.open.set()
        assert await long == "done"
        await asyncio.gather(*others)
        assert told == ["turn 0", "other 0", "other 1", "turn 1"]
        pool.close()

    play(scene)


def test_work_in_turns_takes_one_place_from_its_first_to_its_last() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 0)
        taken: list[int] = []
        paused: list[str] = []

        def look() -> None:
            taken.append(pool.taken)

        def between(word: str) -> None:
            paused.append(word)
            with pytest.raises(Overloaded):
                pool.check_room()

        assert await pool.run_in_turns(turns(look, look, look), between) == "done"
        assert (taken, paused) == ([1, 1, 1], ["pause 0", "pause 1", "pause 2"])
        await settled(pool, 0)
        pool.close()

    play(scene)


def test_work_in_turns_ends_where_it_is_given_up() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 1)
        first, second, other = Gate(), Gate(), Gate()
        task = asyncio.create_task(pool.run_in_turns(turns(first, second)))
        await first.running()
        waiting = asyncio.create_task(pool.run(other))
        await settled(pool, 2)
        first.open.set()
        await other.running()  # the second turn waits behind it
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.taken == 1
        other.open.set()
        await waiting
        await settled(pool, 0)
        assert second.runs == 0
        pool.close()

    play(scene)


def test_what_is_raised_between_turns_ends_the_work_and_frees_its_place() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 0)
        never = Gate()
        nothing: dict[str, str] = {}
        with pytest.raises(KeyError, match="pause 0"):
            await pool.run_in_turns(turns(Gate.passed, never), nothing.__getitem__)
        await settled(pool, 0)
        with pytest.raises(ZeroDivisionError):
            await pool.run_in_turns(turns(Gate.passed, lambda: 1 // 0))
        await settled(pool, 0)
        assert never.runs == 0
        pool.close()

    play(scene)


def test_no_turn_begins_once_the_pool_is_closed() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 0)
        first, never = Gate(), Gate()
        task = asyncio.create_task(pool.run_in_turns(turns(first, never)))
        await first.running()
        closing = asyncio.create_task(asyncio.to_thread(pool.close))
        await closed(pool)
        first.open.set()
        with pytest.raises(ModelUnavailable, match="shutting down"):
            await task
        await closing
        assert never.runs == 0

    play(scene)


def test_closing_waits_for_what_was_taken_and_takes_no_more() -> None:
    async def scene() -> None:
        pool = InferencePool(1, 2)
        gates = [Gate(), Gate()]
        tasks = [asyncio.create_task(pool.run(gate)) for gate in gates]
        await gates[0].running()
        closing = asyncio.create_task(asyncio.to_thread(pool.close))
        await closed(pool)
        assert not closing.done()
        with pytest.raises(ModelUnavailable, match="shutting down"):
            await pool.run(lambda: None)
        for gate in gates:
            gate.open.set()
        await closing
        assert await asyncio.gather(*tasks) == ["done", "done"]
        assert [gate.runs for gate in gates] == [1, 1]

    play(scene)


def test_the_loop_may_be_gone_when_work_ends() -> None:
    pool = InferencePool(1, 0)
    gate = Gate()

    async def scene() -> None:
        task = asyncio.create_task(pool.run(gate))
        await gate.running()
        task.cancel()

    play(scene)
    gate.open.set()
    pool.close()


def test_the_longer_the_queue_the_later_to_come_back() -> None:
    pool = InferencePool(2, 1000)
    assert pool.retry_after() == 1
    pool.taken = 100
    shorter = pool.retry_after()
    pool.taken = 1000
    assert pool.retry_after() > shorter >= 1
    pool.close()


def test_slower_work_means_a_later_return(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(0, 10_000, 30))
    monkeypatch.setattr("app.admission.inference_pool.time.perf_counter", lambda: next(seconds))

    async def scene() -> None:
        pool = InferencePool(1, 10)
        before = pool.retry_after()
        for _ in range(10):
            await pool.run(lambda: None)
        pool.taken = 10
        assert pool.retry_after() > before + 10
        pool.close()

    play(scene)
