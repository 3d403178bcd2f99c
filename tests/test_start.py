"""What a process that starts does not load or build, whichever way it is started."""

import json
import subprocess
import sys

import pytest

REPORT = """
import json, sys
def report(*_):
    print(json.dumps([name for name in UNWANTED if sys.modules.get(name) is not None]))
    sys.exit(0)
UNWANTED = ["opentelemetry.sdk", "pydantic.v1", "pydantic_settings", "boto3", "onnx"]
UNWANTED += ["prometheus_client", "PIL.TiffImagePlugin", "torch"]
UNWANTED += ["app.rekognition.taxonomy", "app.events.annotator"]
UNWANTED += ["app.rekognition.properties", "app.observability.prometheus"]
"""
WAYS = {
    "python -m app": (
        "import uvicorn; uvicorn.Server.run = report\nimport app.__main__; app.__main__.main()"
    ),
    "uvicorn": "import uvicorn, app.main; app.main.app; report()",
    "Lambda": "import app.aws; report()",
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_loaded_that_a_first_answer_does_without(way: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", REPORT + WAYS[way]], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout.splitlines()[-1]) == []


def test_nor_later_what_nobody_asks_for() -> None:
    """Validators of OpenAPI documents, and the pydantic of long ago."""
    program = (
        "import sys; from app.main import app;"
        "import fastapi.openapi.models as models;"
        "print(models.OpenAPI.__pydantic_complete__, sys.modules['pydantic.v1'])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "None"]
