"""The shared allowance for decoding: never exceeded, never lost."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import ImageTooLarge
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from tests.eventually import eventually
from tests.server import LIMIT
from tests.vision.pictures import encode, full_size, quarters


def test_what_can_never_fit_is_refused_at_once() -> None:
    budget = DecodingBudget(1_000_000)
    with budget.reserve(900_000), pytest.raises(ImageTooLarge, match="about 2 MB"):
        budget.reserve(2_000_000).__enter__()


def test_the_whole_allowance_may_be_taken_by_one() -> None:
    budget = DecodingBudget(100)
    for _ in range(2):
        with budget.reserve(100):
            pass


def test_the_next_waits_until_there_is_room() -> None:
    budget = DecodingBudget(100)
    entered = threading.Event()

    def second() -> None:
        with budget.reserve(60):
            entered.set()

    with budget.reserve(50):
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(LIMIT)
    thread.join(LIMIT)


def test_a_large_one_is_not_kept_out_by_small_ones_that_come_after_it() -> None:
    budget = DecodingBudget(100)
    order: list[int] = []

    def take(size: int) -> None:
        with budget.reserve(size):
            order.append(size)

    with budget.reserve(50):
        threads = []
        for size in (100, 10, 20):
            thread = threading.Thread(target=take, args=(size,))
            thread.start()
            threads.append(thread)
            eventually(lambda: budget.waiting == len(threads))
        assert budget.waiting == 3
    for thread in threads:
        thread.join(LIMIT)
    assert order[0] == 100
    assert sorted(order) == [10, 20, 100]


def test_a_refusal_says_how_to_allow_more() -> None:
    budget = DecodingBudget(10**6, ", or set SPOTTER_DECODE_MEMORY")
    with pytest.raises(ImageTooLarge, match="Send a smaller image, or set SPOTTER_DECODE_MEMORY"):
        budget.check(10**6 + 1)


def test_a_failure_gives_its_share_back() -> None:
    budget = DecodingBudget(100)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), budget.reserve(100):
            raise ValueError("broken")
    with budget.reserve(100):
        pass


def test_a_file_that_cannot_be_decoded_gives_its_share_back() -> None:
    data = encode(quarters(), "PNG")
    reader = ImageReader(10**6, DecodingBudget(60_000))  # 96 x 64: one at a time
    for _ in range(3):
        with pytest.raises(Exception, match="truncated or corrupt"):
            reader.read(data[:-60], full_size)
    assert reader.read(data, full_size).size == (96, 64)


def test_many_threads_never_hold_more_than_there_is() -> None:
    budget = DecodingBudget(100)
    lock = threading.Lock()
    held = most = together = 0

    def work(size: int) -> None:
        nonlocal held, most, together
        with budget.reserve(size):
            with lock:
                held += size
                most = max(most, held)
                together += held > size
            time.sleep(0.001)
            with lock:
                held -= size

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, [7, 31, 50, 99, 1, 64] * 30))
    assert most <= 100
    assert together > 0  # they did run side by side
    assert held == 0
