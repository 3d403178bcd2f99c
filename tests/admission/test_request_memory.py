"""The memory that all requests hold together."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.types import Message, Scope

from app.admission.request_memory import RequestMemory, Reservation
from app.errors import Overloaded
from app.http.streamed_image import StreamedImage
from app.observability.request_record import RequestRecord

CAPACITY = 1000


@pytest.fixture
def memory() -> RequestMemory:
    return RequestMemory(CAPACITY, 60, lambda: 1)


@pytest.fixture
def hold(memory: RequestMemory) -> Callable[[int], Reservation]:
    def hold(size: int) -> Reservation:
        reservation = memory.reservation()
        reservation.grow_to(size)
        return reservation

    return hold


def test_all_together_hold_no_more_than_the_capacity(
    memory: RequestMemory, hold: Callable[[int], Reservation]
) -> None:
    first, second = hold(600), hold(400)
    with pytest.raises(Overloaded, match="1000 bytes of memory, and the limit is 1000"):
        second.grow_to(401)
    assert second.size == 400
    first.release()
    second.grow_to(1000)
    second.grow_to(10)
    assert memory.held == 10


def test_one_larger_than_the_capacity_needs_all_of_it(
    memory: RequestMemory, hold: Callable[[int], Reservation]
) -> None:
    small = hold(1)
    large = memory.reservation()
    with pytest.raises(Overloaded):
        large.grow_to(5000)
    small.release()
    large.grow_to(5000)
    assert memory.held == 5000


def test_an_answer_that_there_is_no_room_for_is_not_begun(
    memory: RequestMemory, hold: Callable[[int], Reservation]
) -> None:
    """A small picture may become a large one, and its client may not read it."""
    hold(900)
    sent: list[Message] = []
    record = RequestRecord("id", "POST", "/detect", {}, memory.reservation())
    scope: Scope = {"type": "http", "state": {"record": record}}

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer(size: int) -> None:
        image = StreamedImage(Request(scope), bytes(size), "image/png", {})
        await image(scope, lambda: asyncio.sleep(0, {"type": "http.disconnect"}), send)

    with pytest.raises(Overloaded):
        asyncio.run(answer(101))
    assert not sent
    asyncio.run(answer(100))
    assert sent[0]["type"] == "http.response.start"
