"""What docs/migration.md shows runs as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.cost import lambda_cost
from tests.rekognition.clients import environment
from tests.server import REPOSITORY, Server

PAGE = (REPOSITORY / "docs" / "migration.md").read_text()
PROGRAMS = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("program", "first"), list(zip(PROGRAMS, ["Bus ", "bus "], strict=True)))
def test_the_programs_run(
    program: str, first: str, coco: Server, bus: Path, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").symlink_to(bus)
    aimed = program.replace("localhost:8000", f"127.0.0.1:{coco.port}")
    aimed = aimed.replace('"localhost", port=8000', f'"127.0.0.1", port={coco.port}')
    done = subprocess.run(
        [sys.executable, "-c", aimed],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(first)


def test_the_variable_is_heeded_by_boto3(coco: Server, bus: Path) -> None:
    program = (
        "import boto3, sys; c = boto3.client('rekognition');"
        " print(len(c.detect_labels(Image={'Bytes': open(sys.argv[1], 'rb').read()})['Labels']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bus)],
        env={**environment(), "AWS_ENDPOINT_URL_REKOGNITION": coco.url},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 2


def test_the_prices_add_up() -> None:
    rows = re.findall(r"\| ([\d,]+) ms \| (0\.\d+) \| ([\d,]+) \|", PAGE)
    assert len(rows) == 3
    for milliseconds, price, images in rows:
        cost = lambda_cost(float(milliseconds.replace(",", "")), 1024, "x86", "Function URL").total
        assert float(price) == pytest.approx(cost, abs=5e-8)
        assert int(images.replace(",", "")) == round(1 / cost)
