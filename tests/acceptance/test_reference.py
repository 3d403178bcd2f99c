"""Boxes over HTTP against those of the reference package, on the photos that it was run on."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.acceptance.matching import Expected, missing
from tests.server import serve

LEAST = 0.4
SHARE = 0.99


def test_the_reference_packages_detections(shared: Path) -> None:
    folder = shared / "eval"
    reference = json.loads((folder / "reference-yolov8n.json").read_text())["detections"]
    with (
        serve(shared / "models" / "yolov8n-dynamic.onnx") as server,
        ThreadPoolExecutor(2) as pool,
    ):
        labels = server.client.get("/model").json()["labels"]

        def unmet(name: str) -> tuple[int, list[tuple[str, Expected]]]:
            expected = [
                Expected(labels[item["classId"]], item["probability"], item["boundingBox"])
                for item in reference[name]
                if item["probability"] > LEAST
            ]
            answer = server.detect((folder / "images" / name).read_bytes())
            assert answer.status_code == 200, (name, answer.text)
            return len(expected), [
                (name, m) for m in missing(expected, answer.json()["detections"])
            ]

        results = list(pool.map(unmet, sorted(reference)))
    total = sum(count for count, _ in results)
    lost = [item for _, items in results for item in items]
    assert total > 500
    assert 1 - len(lost) / total >= SHARE, lost
