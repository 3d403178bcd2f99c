from pathlib import Path

from benchmarks.cold import compare, lambda_answer, lambda_floor
from tests.aws.gateways import Request
from tests.aws.runtime import Deployed
from tests.aws.tools import require


def test_a_cold_start_takes_hardly_longer_than_its_bare_floor(
    deployed: Deployed, shared: Path
) -> None:
    """By processor time: 1.02 to 1.11 on a quiet machine, 1.27 on one with five other programs."""
    require("taskset")
    model = shared / "models/yolov8n.onnx"
    found = compare(
        {
            "floor": lambda: lambda_floor(deployed, model),
            "answer": lambda: lambda_answer(deployed, model, Request("GET", "/healthz")),
        },
        rounds=5,
    )
    assert found["answer"].cpu / found["floor"].cpu < 1.5
