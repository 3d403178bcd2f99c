"""A bounded pool of threads, with a bounded queue."""

import asyncio
import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import ModelUnavailable, Overloaded

T = TypeVar("T")
Y = TypeVar("Y")

_SMOOTHING = 0.1
_FIRST_GUESS_SECONDS = 0.1
_RELIEF_SECONDS = 1.0
"""After ``press``, all places are given again once so much time has passed."""
_LEAST_PLACES = 4
"""Under pressure there are at least so many places a concurrent inference."""
_SHARE_IN_TIME = 0.75
"""Share of the queue that is used under pressure: times vary, and nearly all requests have to end
in time."""


class InferencePool:
    """Runs work on threads, away from the event loop that answers ``/healthz``.

    Its methods are called from the event loop only, which makes the counting safe.
    """

    def __init__(self, concurrency: int, queue: int) -> None:
        self.concurrency = concurrency
        self.queue = queue
        self.taken = 0
        """Places taken: running and waiting."""
        self.shed = 0
        """Requests that were refused before the application saw them, because no place was free."""
        self._closed = False
        # Seconds an inference, moving averages; 0: not known yet.
        self._service_time = 0.0
        self._calm_service_time = 0.0
        self._pressed_until = 0.0
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="inference")

    def check_room(self) -> None:
        """Raises Overloaded or ModelUnavailable. Call it before a body is read."""
        if self._closed:
            raise _closing()
        if full := self.overloaded():
            raise full

    def overloaded(self, coming: int = 0) -> Overloaded | None:
        """The refusal of a request that comes behind ``coming`` others; None if there is room."""
        if self.taken + coming < self._places():
            return None
        return Overloaded(
            f"{self.taken + coming} images are being worked on or waiting, as many as may be.",
            self.retry_after(),
        )

    def press(self) -> None:
        """Call it while very many requests are refused, which slows down the ones at work.

        For a while the queue is shorter, so that waiting takes no longer than it does otherwise.
        """
        self._pressed_until = time.monotonic() + _RELIEF_SECONDS

    def retry_after(self) -> int:
        """Whole seconds until half of the queue is done, at the recent pace."""
        service_time = self._service_time or _FIRST_GUESS_SECONDS
        return max(1, math.ceil(self.taken / self.concurrency * service_time / 2))

    async def run(self, work: Callable[[], T]) -> T:
        """``run_in_turns`` of work that does not pause."""

        def only_turn() -> Generator[None, None, T]:
            yield from ()
            return work()

        return await self.run_in_turns(only_turn())

    async def run_in_turns(
        self, turns: Generator[Y, None, T], between: Callable[[Y], object] = lambda _: None
    ) -> T:
        """Runs the work up to each pause as if it were work of its own, at the end of the queue.

        All turns together take one place, until the last one has ended. ``between`` is called on
        the event loop with what the work yields at a pause, and may raise to end it.

        Raises what ``turns`` and ``between`` raise, and what ``check_room`` does.

        If the caller is cancelled, a waiting turn is given up and the place freed at once; a turn
        that has begun keeps the place until it ends.
        """
        self.check_room()
        loop = asyncio.get_running_loop()
        self.taken += 1
        future = self._submit(turns, loop)
        try:
            while not isinstance(made := await asyncio.wrap_future(future), _End):
                between(made)
                if self._closed:
                    raise _closing()
                future = self._submit(turns, loop)
            return made.result
        finally:
            if future.cancel() or future.done():
                self._release()
            else:
                future.add_done_callback(lambda _: _call_soon(loop, self._release))

    def close(self, *, wait: bool = True) -> None:
        """Takes no more work. Waits for what was taken, or gives up what has not begun."""
        self._closed = True
        self._threads.shutdown(wait=wait, cancel_futures=not wait)

    def _places(self) -> int:
        places = self.concurrency + self.queue
        if not self._pressed():
            return places
        calm = self._calm_service_time
        slowed = min(1.0, calm / self._service_time) if calm else 1.0
        return min(
            places,
            max(_LEAST_PLACES * self.concurrency, math.ceil(places * _SHARE_IN_TIME * slowed)),
        )

    def _pressed(self) -> bool:
        return time.monotonic() < self._pressed_until

    def _submit(
        self, turns: Generator[Y, None, T], loop: asyncio.AbstractEventLoop
    ) -> "Future[Y | _End[T]]":
        turn = _Turn(turns)
        future = self._threads.submit(turn)

        def ended(_: "Future[Y | _End[T]]") -> None:
            # A turn that was given up stays in the queue until a thread takes it, but without its
            # image.
            turn.turns = None
            _call_soon(loop, lambda: self._note_time(turn.seconds))

        future.add_done_callback(ended)
        return future

    def _release(self) -> None:
        self.taken -= 1

    def _note_time(self, seconds: float) -> None:
        if seconds:
            self._service_time = _smoothed(self._service_time, seconds)
            if not self._pressed():
                self._calm_service_time = _smoothed(self._calm_service_time, seconds)


def _smoothed(average: float, latest: float) -> float:
    return average + (latest - average) * (_SMOOTHING if average else 1)


@dataclass
class _End(Generic[T]):
    """The last turn has ended."""

    result: T


class _Turn(Generic[Y, T]):
    def __init__(self, turns: Generator[Y, None, T]) -> None:
        self.turns: Generator[Y, None, T] | None = turns
        self.seconds = 0.0

    def __call__(self) -> Y | _End[T]:
        turns, self.turns = self.turns, None
        assert turns is not None
        began = time.perf_counter()
        try:
            return next(turns)
        except StopIteration as end:
            return _End(end.value)
        finally:
            self.seconds = time.perf_counter() - began


def _call_soon(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: places are counted no more
        loop.call_soon_threadsafe(work)


def _closing() -> ModelUnavailable:
    return ModelUnavailable("The server is shutting down. Try again elsewhere or later.")
