from collections.abc import Iterator

import pytest

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
