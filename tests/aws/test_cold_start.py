from pathlib import Path

from benchmarks.cold import compare, lambda_answer, lambda_floor
from tests.aws.gateways import Request
from tests.aws.runtime import Deployed
from tests.aws.tools import require


def test_a_cold_start_takes_hardly_longer_than_its_bare_floor(
    deployed: Deployed, shared: Path
) -> None:
    """By processor time on two busy cores: /healthz 1.0, a first photo 1.2."""
    require("taskset")
    model = shared / "models/yolov8n-dynamic.onnx"
    photo = Request("POST", "/detect", body=(shared / "models/bus.jpg").read_bytes())
    found = compare(
        {
            "floor": lambda: lambda_floor(deployed, model),
            "well": lambda: lambda_answer(deployed, model, Request("GET", "/healthz")),
            "photo": lambda: lambda_answer(deployed, model, photo),
        },
        rounds=5,
    )
    assert found["well"].cpu_ratio < 1.2
    assert found["photo"].cpu_ratio < 1.4
