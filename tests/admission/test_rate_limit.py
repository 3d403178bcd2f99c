"""The limiter on a clock of the test's own."""

import pytest

from app.admission.rate_limit import Rate, RateLimiter, Standing

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 12_345 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_all_may_come_at_once_and_then_one_at_a_time(clock: Clock) -> None:
    limiter = RateLimiter(Rate(60, 60), clock)
    assert [limiter.consume("a").allowed for _ in range(61)] == [True] * 60 + [False]
    clock.now += SECOND
    assert [limiter.consume("a").allowed for _ in range(2)] == [True, False]
    clock.now += 3600 * SECOND
    assert [limiter.consume("a").allowed for _ in range(61)] == [True] * 60 + [False]


def test_it_says_truly_what_remains_and_when_there_is_more(clock: Clock) -> None:
    limiter = RateLimiter(Rate(3, 60), clock)
    assert limiter.consume("a") == Standing(allowed=True, remaining=2, more_in=20)
    clock.now += 5 * SECOND
    assert limiter.consume("a") == Standing(allowed=True, remaining=1, more_in=15)
    limiter.consume("a")
    refused = limiter.consume("a")
    assert refused == Standing(allowed=False, remaining=0, more_in=15)
    clock.now += refused.more_in * SECOND - 1
    assert not limiter.consume("a").allowed
    clock.now += 1
    assert limiter.consume("a").allowed


def test_over_any_time_no_more_than_the_rate_and_one_burst(clock: Clock) -> None:
    limiter = RateLimiter(Rate(7, 1), clock)
    allowed = 0
    for _ in range(3001):
        allowed += limiter.consume("a").allowed
        clock.now += SECOND // 100
    assert allowed == 7 + 30 * 7


def test_peeking_consumes_nothing_and_agrees_with_consuming(clock: Clock) -> None:
    limiter = RateLimiter(Rate(2, 60), clock)
    for _ in range(4):
        seen = limiter.peek("a")
        assert limiter.peek("a") == seen
        assert limiter.consume("a") == seen


def test_clients_do_not_share(clock: Clock) -> None:
    limiter = RateLimiter(Rate(1, 60), clock)
    assert limiter.consume("a").allowed
    assert not limiter.consume("a").allowed
    assert limiter.consume("b").allowed


def test_memory_is_bounded_and_the_patient_are_forgotten(clock: Clock) -> None:
    limiter = RateLimiter(Rate(1, 60), clock, most_clients=100)
    for n in range(1000):
        limiter.consume(f"client {n}")
    assert len(limiter) <= 100
    assert not limiter.consume("client 999").allowed
    clock.now += 61 * SECOND
    for n in range(60):
        limiter.consume(f"later {n}")
    assert len(limiter) <= 61
