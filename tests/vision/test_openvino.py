"""The build of ONNX Runtime with OpenVINO, which ``make install-test`` sets up."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.missing import missing
from tests.server import REPOSITORY
from tests.vision import yolov8_graph

INSTALLED = REPOSITORY / ".venv" / "openvino"
SERVED = (platform.system(), platform.machine()) == ("Linux", "x86_64")
PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from app.vision.model.load import load
tensor = np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)
found = {}
for precision in ("ours", "float32", "bfloat16"):
    wishes = [] if precision == "ours" else [["openvino"], precision]
    model = load(Path(sys.argv[1]), 1, *wishes)
    outputs = model.run(tensor)
    boxes = model.decode(outputs, tensor, 0.0).boxes
    found[precision] = {
        "providers": model.providers,
        "outputs": model.outputs,
        "values": [value.ravel().tolist() for value in outputs],
        "boxes": boxes.tolist(),
    }
print(json.dumps(found))
"""


def test_openvino_computes_the_same_likely_boxes(tmp_path: Path) -> None:
    if SERVED and not INSTALLED.is_dir():
        missing("Run 'make install-openvino' first; it has no build for the newest Python")
    path = yolov8_graph.write(tmp_path / "small.onnx", yolov8_graph.detector(deep=True))
    paths = os.pathsep.join(map(str, (INSTALLED, REPOSITORY)))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    ours = found["ours"]
    for precision, near in (("float32", 1e-4), ("bfloat16", 0.05)):
        other = found[precision]
        assert other["providers"] == (["openvino", "cpu"] if SERVED else ["cpu"])
        assert other["outputs"] == ours["outputs"]  # the graph is cut before its boxes
        assert len(other["boxes"]) == len(ours["boxes"]) > 0
        for one, same in zip(other["values"], ours["values"], strict=True):
            assert np.allclose(one, same, rtol=near, atol=near)
