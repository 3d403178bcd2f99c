"""What every surface that takes images does: find them, fetch them, give up when nobody waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from app.http.middleware.request_context import parcel_of
from app.observability.request_record import Exchange
from app.service.service import Service
from app.vision.detections import Detections, Options
from app.vision.draw import Encoding

T = TypeVar("T")

_FEW = 256 * 1024
"""Bytes that take no longer than a few milliseconds, whatever they are."""


async def detect(request: Request, service: Service, image: bytes, options: Options) -> Detections:
    """The detections, which the request's log line will count."""
    asked = time.perf_counter()
    found = await unless_gone(request, service.detect(image, options))
    _note(request, asked, found)
    return found


async def detect_and_draw(
    request: Request, service: Service, image: bytes, options: Options, encoding: Encoding
) -> tuple[Detections, bytes]:
    """The same, and the picture with their boxes."""
    asked = time.perf_counter()
    found, picture = await unless_gone(request, service.detect_and_draw(image, options, encoding))
    _note(request, asked, found)
    return found, picture


async def fetch(
    request: Request, service: Service, bucket: str, key: str, version: str | None
) -> bytes:
    """An image in S3. Raises what ``Storage.fetch`` does."""
    asked = time.perf_counter()
    image = await unless_gone(
        request, asyncio.to_thread(service.storage.fetch, bucket, key, version)
    )
    request.state.exchange.add_stage("fetch", asked, time.perf_counter())
    parcel_of(request).become(len(image))
    return image


async def aside(service: Service, size: int, unpack: Callable[[], T]) -> T:
    """What ``unpack`` makes of so many bytes; of many, away from the event loop."""
    return unpack() if size <= _FEW else await service.aside(unpack)


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Give the work up, while it waits, when the client goes away.

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
    exchange: Exchange = request.state.exchange
    exchange.image = found.width, found.height
    exchange.detections = len(found.items)
    exchange.add_stage("wait", asked, found.began)
    at = found.began
    for stage, milliseconds in asdict(found.timings).items():
        exchange.add_stage(stage, at, at + milliseconds / 1000)
        at += milliseconds / 1000
    exchange.looked_at = at


async def _disconnect(request: Request) -> None:
    """Returns when the client is gone; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
