from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.scripted import write_model
from tests.aws.moto import Cloud, run_cloud


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with run_cloud() as running:
        yield running


@pytest.fixture
def aws_environment(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """boto3 in this process talks to ``cloud``."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return cloud


@pytest.fixture(scope="session")
def scripted_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "scripted.onnx")
