from pathlib import Path

import pytest

from app.cloud.s3 import Storage
from app.events.annotator import Annotator
from app.events.bus import Bus
from app.events.table import Table
from app.vision.detections import Options
from app.vision.detector import Detector
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from tests.aws.conftest import aws_environment, cloud, deployed, results, scripted_model
from tests.events.results import Results

__all__ = ["aws_environment", "cloud", "deployed", "results", "scripted_model"]


@pytest.fixture(scope="session")
def detector(scripted_model: Path) -> Detector:
    return Detector(load(scripted_model), ImageReader(50_000_000, DecodingBudget(200_000_000)))


@pytest.fixture
def annotator(results: Results, detector: Detector) -> Annotator:
    return Annotator(
        detector,
        Storage(100_000, direct=True),
        Table(results.table),
        Bus(results.bus),
        Options(),
        ttl_days=30,
    )
