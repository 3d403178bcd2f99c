"""The detector, its pool, and the limits that all routes share."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from app.admission.api_keys import KeyRing
from app.admission.inference_pool import InferencePool
from app.admission.rate_limit import Rate, RateLimiter
from app.admission.request_memory import RequestMemory
from app.cloud.s3 import Storage
from app.service.health import Health
from app.service.memory_shares import request_bytes
from app.settings import Settings
from app.vision.detector import Detector
from app.vision.runtime.limits import usable_cores

T = TypeVar("T")

_PAUSE_SECONDS = 2e-5
_MOST_WAITING = 16


@dataclass
class Service:
    settings: Settings
    detector: Detector
    health: Health
    pool: InferencePool
    memory: RequestMemory
    keys: KeyRing | None
    """None if no key is required."""
    storage: Storage
    limiter: RateLimiter | None = None
    """None if there is no rate limit."""
    draining: bool = False
    """True once the process was told to stop: it only finishes the requests that it has."""
    proxy_told: bool = False
    """True once an untrusted proxy's X-Forwarded-For has been logged."""
    _unpacking: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "unpacking")
    )
    _waiting: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_MOST_WAITING, "waiting")
    )

    @classmethod
    def create(cls, settings: Settings, detector: Detector) -> "Service":
        """Raises StartError if a setting needs a package that is not installed."""
        concurrency = settings.concurrency or usable_cores()
        queue = 16 * concurrency if settings.queue is None else settings.queue
        pool = InferencePool(concurrency, queue)
        keys = [key.get_secret_value() for key in settings.api_keys]
        return cls(
            settings,
            detector,
            Health(detector),
            pool,
            RequestMemory(request_bytes(settings), settings.body_timeout, pool.retry_after),
            KeyRing(keys) if keys else None,
            Storage(settings.max_body_bytes, settings.s3_buckets),
            RateLimiter(Rate(*settings.rate_limit)) if settings.rate_limit else None,
        )

    async def run_in_thread(self, work: Callable[[], T]) -> T:
        """Runs ``work``, which is short compared with an inference, on a thread, one at a time."""

        def work_after_pause() -> T:
            # Sleeps to release the GIL, so that the event loop runs before ``work``.
            time.sleep(_PAUSE_SECONDS)
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._unpacking, work_after_pause)

    async def wait_in_thread(self, work: Callable[[], T]) -> T:
        """Runs ``work``, which waits for S3 or DynamoDB, on one of a few threads."""
        return await asyncio.get_running_loop().run_in_executor(self._waiting, work)
