"""What every surface shares: the detector, its pool and the settings."""

from dataclasses import dataclass
from functools import partial

from app.cpu import usable_cores
from app.keys import KeyRing
from app.pool import InferencePool
from app.rekognition.signature import Verifier
from app.rekognition.taxonomy import Taxonomy
from app.settings import DECODING_BUDGET, Settings
from app.storage import Storage
from app.vision.budget import DecodingBudget
from app.vision.detector import Detections, Detector, Options
from app.vision.draw import Encoding, detect_and_draw
from app.vision.image import ImageReader
from app.vision.model import load


@dataclass
class Service:
    settings: Settings
    detector: Detector
    pool: InferencePool
    keys: KeyRing
    storage: Storage
    taxonomy: Taxonomy
    signatures: Verifier | None
    """Whose signatures the Rekognition API asks for; None where it asks for none."""
    draining: bool = False
    """Whether the process has been told to stop and only finishes what it was given."""

    @classmethod
    def create(cls, settings: Settings, detector: Detector) -> "Service":
        concurrency = settings.concurrency or usable_cores()
        return cls(
            settings,
            detector,
            InferencePool(
                concurrency, 16 * concurrency if settings.queue is None else settings.queue
            ),
            KeyRing(settings.api_keys),
            Storage(settings.max_body_bytes, settings.s3_buckets),
            Taxonomy.load(settings.taxonomy),
            Verifier(settings.aws_secrets) if settings.aws_credentials else None,
        )

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
    model = load(settings.model, settings.threads or usable_cores())
    return Detector(model, ImageReader(settings.max_pixels, DecodingBudget(DECODING_BUDGET)))
