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
"""Seconds after ``press`` until the whole queue is used again."""
_LEAST_PLACES = 4
"""Places for each concurrent inference that are left under pressure, at least."""
_SHARE_IN_TIME = 0.75
"""Share of the queue that is used under pressure. Inference times vary, and nearly all requests
have to finish in time."""


class InferencePool:
    """Runs work on threads, away from the event loop that answers ``/healthz``.

    Call its methods from the event loop only: the counters have no lock.
    """

    def __init__(self, concurrency: int, queue: int) -> None:
        self.concurrency = concurrency
        self.queue = queue
        self.taken = 0
        """Places taken by running and waiting work."""
        self.shed = 0
        """Requests refused before the application saw them, because no place was free."""
        self._closed = False
        # Moving averages of the seconds per inference; 0 if not known yet.
        self._service_time = 0.0
        self._calm_service_time = 0.0
        self._pressure_ends = 0.0
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="inference")

    def check_room(self) -> None:
        """Raises Overloaded or ModelUnavailable. Call it before the body is read."""
        if self._closed:
            raise _closing()
        if full := self.overloaded():
            raise full

    def overloaded(self, coming: int = 0) -> Overloaded | None:
        """The error for a request with ``coming`` others ahead of it; None if there is room."""
        if self.taken + coming < self._places():
            return None
        return Overloaded(
            f"{self.taken + coming} images are being processed or waiting, which is the limit.",
            self.retry_after(),
        )

    def press(self) -> None:
        """Call it while very many requests are refused, which slows down running inferences.

        It shortens the queue for a while, so that requests wait no longer than usual.
        """
        self._pressure_ends = time.monotonic() + _RELIEF_SECONDS

    def retry_after(self) -> int:
        """Whole seconds until half of the queue is processed at the recent pace."""
        service_time = self._service_time or _FIRST_GUESS_SECONDS
        return max(1, math.ceil(self.taken / self.concurrency * service_time / 2))

    async def run(self, work: Callable[[], T]) -> T:
        """Runs ``work``. Raises what ``work`` and ``check_room`` raise.

        If the caller is cancelled, waiting work is dropped and its place freed at once; running
        work keeps its place until it ends.
        """

        def only_turn() -> Generator[None, None, T]:
            yield from ()
            return work()

        return await self.run_in_turns(only_turn())

    async def run_in_turns(
        self, turns: Generator[Y, None, T], between: Callable[[Y], object] = lambda _: None
    ) -> T:
        """Runs work that pauses: after each pause it joins the queue again, at its end.

        It keeps one place until its last turn has ended. At each pause ``between`` is called on the
        event loop with the value that the work yields; if it raises, the work ends. Raises what
        ``turns``, ``between`` and ``check_room`` raise.

        If the caller is cancelled, a waiting turn is dropped and its place freed at once; a running
        turn keeps its place until it ends.
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
        """Accepts no more work. Waits for the accepted work, or drops what has not begun."""
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
        return time.monotonic() < self._pressure_ends

    def _submit(
        self, turns: Generator[Y, None, T], loop: asyncio.AbstractEventLoop
    ) -> "Future[Y | _End[T]]":
        turn = _Turn(turns)
        future = self._threads.submit(turn)

        def ended(_: "Future[Y | _End[T]]") -> None:
            # A cancelled turn stays in the queue until a thread takes it, but without its image.
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
    with suppress(RuntimeError):  # the loop is closed, and places are no longer counted
        loop.call_soon_threadsafe(work)


def _closing() -> ModelUnavailable:
    return ModelUnavailable("The server is shutting down. Try again elsewhere or later.")
