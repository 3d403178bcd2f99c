"""Runs inferences for all routes, fetches images, and stops if the client disconnects."""

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
"""Bytes that are unpacked within a few milliseconds, whatever they contain."""
_NO_FORMAT_KNOWN = "This is not an image known here. "


async def detect(request: Request, service: Service, image: bytes, options: Options) -> Detections:
    """Returns the detections, and adds them to the request's record."""

    def turns() -> Turns[tuple[Detections, None]]:
        return (yield from service.detector.turns(image, options)), None

    return (await run(request, service, image, turns()))[0]


async def run(
    request: Request, service: Service, image: bytes, turns: Turns[tuple[Detections, T]]
) -> tuple[Detections, T]:
    """Returns the detections in ``image`` and the second result of ``turns``.

    All of it takes one place of the pool, so that no request is refused halfway, unless its tiles
    need more memory than is free. The detections are added to the request's record. If ``image`` is
    refused, the error includes the cause that its first bytes show.
    """
    asked = time.perf_counter()
    hold = partial(_hold, service, reservation_of(request))
    try:
        work = service.pool.run_in_turns(turns, hold)
        found, made = await cancel_on_disconnect(request, work)
    # Images that were corrupted in transit may declare any size.
    except (InvalidImageFormat, InvalidImage, ImageTooLarge) as error:
        cause = find_cause(image)
        if not cause:
            raise
        raise type(error)(f"{cause} {error.detail.replace(_NO_FORMAT_KNOWN, '')}") from error
    _note(request, asked, found)
    return found, made


def _hold(service: Service, reservation: Reservation, size: int) -> None:
    """Adds ``size`` bytes to the request's reservation. Raises Overloaded or ImageTooLarge."""
    wanted = reservation.size + size
    if wanted > service.memory.capacity:
        raise ImageTooLarge(
            f"The tiles of this image take {size / 1e6:.1f} MB of memory, and"
            f" {service.memory.capacity / 1e6:.1f} MB are set aside for all requests. Leave tiles"
            " out, or let the server use more memory."
        )
    reservation.grow_to(wanted)


async def fetch(
    request: Request, service: Service, bucket: str, key: str, version: str | None
) -> bytes:
    """Fetches an image from S3. Raises what ``Storage.look_up`` and ``Storage.read`` raise.

    Raises Overloaded, before the image is read, if all requests together would hold too many bytes.
    """
    storage, reservation = service.storage, reservation_of(request)

    async def look_up_and_read() -> bytes:
        stored = await service.wait_in_thread(partial(storage.look_up, bucket, key, version))
        storage.check_size(stored)
        reservation.grow_to(stored.size)
        return await service.wait_in_thread(partial(storage.read, stored))

    asked = time.perf_counter()
    image = await cancel_on_disconnect(request, look_up_and_read())
    record_of(request).add_stage("fetch", asked, time.perf_counter())
    reservation.become(len(image))
    return image


async def run_in_thread(service: Service, size: int, unpack: Callable[[], T]) -> T:
    """Runs ``unpack`` on the event loop if ``size`` is small, else on a thread."""
    return unpack() if size <= _FEW_BYTES else await service.run_in_thread(unpack)


async def cancel_on_disconnect(request: Request, work: Awaitable[T]) -> T:
    """Cancels ``work`` if the client disconnects while it waits.

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
