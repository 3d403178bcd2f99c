"""Finds objects for all routes, fetches images, and stops when the client leaves."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat
from app.http.middleware.request_record import record_of, reservation_of
from app.service.service import Service
from app.vision import draw
from app.vision.detections import Detections, Options
from app.vision.images.visible_cause import find_cause

T = TypeVar("T")

_FEW_BYTES = 256 * 1024
"""So many bytes are unpacked within a few milliseconds, whatever they are."""
_NO_FORMAT_KNOWN = "This is not an image known here. "


async def detect(request: Request, service: Service, image: bytes, options: Options) -> Detections:
    """The detections, which are noted in the request's record."""
    asked = time.perf_counter()
    work = partial(service.detector.detect, image, options)
    found = await _in_pool(request, service, image, work)
    _note(request, asked, found)
    return found


async def detect_and_draw(
    request: Request, service: Service, image: bytes, options: Options, encoding: draw.Encoding
) -> tuple[Detections, bytes]:
    """The detections, and the image file with their boxes drawn.

    Takes one place of the pool for both: no request is refused between the two.
    """
    asked = time.perf_counter()
    work = partial(draw.detect_and_draw, service.detector, image, options, encoding)
    found, drawn = await _in_pool(request, service, image, work)
    _note(request, asked, found)
    return found, drawn


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


async def _in_pool(request: Request, service: Service, image: bytes, work: Callable[[], T]) -> T:
    """Refusals of ``image`` say the cause that its beginning shows.

    ImageTooLarge is among them: bytes that were changed on the way may declare any size.
    """
    try:
        return await cancel_on_disconnect(request, service.pool.run(work))
    except (InvalidImageFormat, InvalidImage, ImageTooLarge) as error:
        cause = find_cause(image)
        if not cause:
            raise
        raise type(error)(f"{cause} {error.detail.replace(_NO_FORMAT_KNOWN, '')}") from error


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
    record.detections = len(found.items)
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
