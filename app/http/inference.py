"""Finds objects for all routes, fetches images, and stops when the client leaves."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from app.admission.request_memory import Reservation
from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat
from app.http.middleware.request_record import record_of, reservation_of
from app.service.service import Service
from app.vision.detections import Detections, Options
from app.vision.images.visible_cause import find_cause
from app.vision.turns import Turns

T = TypeVar("T")

_FEW_BYTES = 256 * 1024
"""So many bytes are unpacked within a few milliseconds, whatever they are."""
_NO_FORMAT_KNOWN = "This is not an image known here. "


async def detect(request: Request, service: Service, image: bytes, options: Options) -> Detections:
    """The detections, which are noted in the request's record."""

    def turns() -> Turns[tuple[Detections, None]]:
        return (yield from service.detector.turns(image, options)), None

    return (await run(request, service, image, turns()))[0]


async def run(
    request: Request, service: Service, image: bytes, turns: Turns[tuple[Detections, T]]
) -> tuple[Detections, T]:
    """The detections in ``image`` and what else ``turns`` make of them.

    Takes one place of the pool for all of it: no request is refused in the middle, unless it needs
    more memory than there is. The detections are noted in the request's record. A refusal of
    ``image`` says the cause that its beginning shows.
    """
    asked = time.perf_counter()
    hold = partial(_hold, service, reservation_of(request))
    try:
        work = service.pool.run_in_turns(turns, hold)
        found, made = await cancel_on_disconnect(request, work)
    # Bytes that were changed on the way may declare any size.
    except (InvalidImageFormat, InvalidImage, ImageTooLarge) as error:
        cause = find_cause(image)
        if not cause:
            raise
        raise type(error)(f"{cause} {error.detail.replace(_NO_FORMAT_KNOWN, '')}") from error
    _note(request, asked, found)
    return found, made


def _hold(service: Service, reservation: Reservation, size: int) -> None:
    """Counts ``size`` bytes more for the request. Raises Overloaded or ImageTooLarge."""
    wanted = reservation.size + size
    if wanted > service.memory.capacity:
        raise ImageTooLarge(
            f"The tiles of this image take {size / 1e6:.1f} MB of memory, and"
            f" {service.memory.capacity / 1e6:.1f} MB are set aside for all requests. Leave tiles"
            " out, or let the server use more memory."
        )
    service.memory.check_room(size, reservation)
    reservation.become(wanted)


async def fetch(
    request: Request, service: Service, bucket: str, key: str, version: str | None
) -> bytes:
    """An image in S3. Raises what ``Storage.fetch`` raises."""
    asked = time.perf_counter()
    work = asyncio.to_thread(service.storage.fetch, bucket, key, version)
    image = await cancel_on_disconnect(request, work)
    record_of(request).add_stage("fetch", asked, time.perf_counter())
    reservation_of(request).become(len(image))
    return image


async def run_in_thread(service: Service, size: int, unpack: Callable[[], T]) -> T:
    """Runs ``unpack`` at once if it has few bytes to work on, else away from the event loop."""
    return unpack() if size <= _FEW_BYTES else await service.run_in_thread(unpack)


async def cancel_on_disconnect(request: Request, work: Awaitable[T]) -> T:
    """Cancels ``work``, while it waits, when the client goes away.

    Raises ClientDisconnect.
    """
    result = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait((result, gone), return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientDisconnect
        return result.result()
    finally:
        result.cancel()
        gone.cancel()


def _note(request: Request, asked: float, found: Detections) -> None:
    record = record_of(request)
    record.image_size = found.width, found.height
    record.detections = len(found.items) + len(found.classifications or ())
    record.add_stage("wait", asked, found.began)
    at = found.began
    for stage, milliseconds in asdict(found.timings).items():
        record.add_stage(stage, at, at + milliseconds / 1000)
        at += milliseconds / 1000
    record.detected_at = at


async def _disconnect(request: Request) -> None:
    """Returns when the client is gone; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
