"""What every surface shares: the detector, its pool and the settings."""

import asyncio
import base64
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from app.admission.api_keys import KeyRing
from app.admission.inference_pool import InferencePool
from app.admission.rate_limit import RateLimiter
from app.admission.request_memory import Intake
from app.cloud.s3 import Storage
from app.settings import DECODING_BUDGET, Settings, warn_of_removed
from app.vision.detections import Detections, Options
from app.vision.detector import Detector
from app.vision.draw import Encoding, detect_and_draw
from app.vision.images.budget import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from app.vision.runtime.usable_cores import usable_cores

if TYPE_CHECKING:
    from app.rekognition.signature import Verifier
    from app.rekognition.taxonomy import Taxonomy

T = TypeVar("T")

_BODIES = 10
"""How many bodies of the greatest size may be held at a time."""
_TRIAL_SECONDS = 5.0
_DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="unpacking")


@dataclass
class Service:
    settings: Settings
    detector: Detector
    pool: InferencePool
    intake: Intake
    keys: KeyRing
    storage: Storage
    limiter: RateLimiter | None = None
    draining: bool = False
    """Whether the process has been told to stop and only finishes what it was given."""
    proxy_told: bool = False
    """Whether the log has been told of a proxy whose X-Forwarded-For is not believed."""

    @classmethod
    def create(cls, settings: Settings, detector: Detector) -> "Service":
        concurrency = settings.concurrency or usable_cores()
        queue = 16 * concurrency if settings.queue is None else settings.queue
        pool = InferencePool(concurrency, queue)
        service = cls(
            settings,
            detector,
            pool,
            Intake(_BODIES * settings.max_body_bytes, settings.body_timeout, pool.retry_after),
            KeyRing(settings.api_keys),
            Storage(settings.max_body_bytes, settings.s3_buckets),
            RateLimiter(settings.rate_limit) if settings.rate_limit else None,
        )
        if settings.taxonomy:
            _ = service.taxonomy  # one that cannot be used stops the start
        return service

    _unpacking: ThreadPoolExecutor = field(default_factory=_one_thread)
    _doubted: float | None = None
    _trial: "asyncio.Future[None] | None" = None

    # Made when first asked for: most servers only answer /detect.

    @cached_property
    def taxonomy(self) -> "Taxonomy":
        """Raises StartError where the user's own cannot be used."""
        from app.rekognition.taxonomy import Taxonomy

        return Taxonomy.load(self.settings.taxonomy)

    @cached_property
    def signatures(self) -> "Verifier | None":
        """Whose signatures the Rekognition API asks for; None where it asks for none."""
        if not self.settings.aws_credentials:
            return None
        from app.rekognition.signature import Verifier

        return Verifier(self.settings.aws_secrets)

    def is_well(self) -> bool:
        """Whether the session works.

        Where it failed it is tried again now and then, on a dot for an image: a server that says
        no is sent nothing else, and would say no for ever.
        """
        if not self.detector.failed:
            self._doubted = None
            return True
        now = time.monotonic()
        if self._doubted is None:
            self._doubted = now
        elif now - self._doubted > _TRIAL_SECONDS:
            self._doubted = now
            self._trial = asyncio.ensure_future(asyncio.to_thread(self._try))
        return False

    def _try(self) -> None:
        with suppress(Exception):  # ``failed`` tells, and the log knows of the first time
            self.detector.detect(_DOT, Options())

    async def aside(self, work: Callable[[], T]) -> T:
        """On a thread of its own, one at a time; short next to an inference."""
        return await asyncio.get_running_loop().run_in_executor(self._unpacking, work)

    async def detect(self, image: bytes, options: Options) -> Detections:
        return await self.pool.run(partial(self.detector.detect, image, options))

    async def detect_and_draw(
        self, image: bytes, options: Options, encoding: Encoding
    ) -> tuple[Detections, bytes]:
        """In one place of the pool: what was let in is not turned away before its second half."""
        return await self.pool.run(
            partial(detect_and_draw, self.detector, image, options, encoding)
        )


def load_detector(settings: Settings) -> Detector:
    """Raises StartError where the model cannot be served."""
    warn_of_removed()
    threads = settings.threads or usable_cores()
    model = load(settings.model, threads, settings.providers)
    return Detector(model, ImageReader(settings.max_pixels, DecodingBudget(DECODING_BUDGET)))
