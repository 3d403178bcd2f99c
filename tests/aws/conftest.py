import fcntl
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deploy.lambda_zip import Plan, build
from tests.aws.moto import Cloud, run_cloud
from tests.aws.runtime import Deployed, link_runtime
from tests.events.results import Results
from tests.http.scripted import write_model


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


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """One for all workers of a run: packing it takes as long as many of its tests."""
    folder = tmp_path_factory.getbasetemp()
    return _deploy((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "lambda")


@cache  # the fixture is that of several folders
def _deploy(folder: Path) -> Deployed:
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "runtime").exists():
            _pack(folder)
    return Deployed(folder / "task", folder / "runtime")


def _pack(folder: Path) -> None:
    """The zip for this machine's own Python and processor, unpacked."""
    shutil.rmtree(folder, ignore_errors=True)  # of a worker that was interrupted
    folder.mkdir()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    plan = Plan(machine, python, write_model(folder / "scripted.onnx"), (), folder / "zip")
    build(plan)
    with zipfile.ZipFile(plan.out) as archive:
        archive.extractall(folder / "task")
    made = folder / "made"
    made.mkdir()
    link_runtime(made)
    made.rename(folder / "runtime")  # last of all: it says that the rest is there


@pytest.fixture
def results(aws_environment: Cloud, request: pytest.FixtureRequest) -> Results:
    """A table, and a bus whose events are caught, of this test's own."""
    return Results.create(aws_environment, f"t{abs(hash(request.node.nodeid))}")
