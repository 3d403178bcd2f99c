from pathlib import Path

from benchmarks.cold import compare, lambda_answer, lambda_floor
from tests.aws.gateways import Request
from tests.aws.runtime import Deployed
from tests.aws.tools import require


def test_a_cold_start_takes_hardly_longer_than_its_bare_floor(
    deployed: Deployed, shared: Path
) -> None:
    """By processor time: /healthz 1.04 on a busy machine, a first photo 1.25."""
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
    assert found["well"].cpu / found["floor"].cpu < 1.3
    assert found["photo"].cpu / found["floor"].cpu < 1.5
