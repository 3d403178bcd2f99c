"""FastAPI and onnxruntime as tutorials write it: default session, square input, async handler."""

import io
import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, File, UploadFile
from PIL import Image

from benchmarks.contenders.rows import rows

app = FastAPI()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ.get("THREADS", "0"))  # 0: one per core
session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
NAMES = [output.name for output in session.get_outputs()]
SIZE = int(os.environ["SIDE"])


@app.post("/detect")
async def detect(file: UploadFile = File(...)) -> dict:  # type: ignore[type-arg] # noqa: B008
    image = Image.open(io.BytesIO(await file.read())).convert("RGB")
    scale = min(SIZE / image.width, SIZE / image.height)
    resized = image.resize((round(image.width * scale), round(image.height * scale)))
    canvas = Image.new("RGB", (SIZE, SIZE), (114, 114, 114))
    left, top = (SIZE - resized.width) // 2, (SIZE - resized.height) // 2
    canvas.paste(resized, (left, top))
    tensor = (np.array(canvas).astype(np.float32) / 255.0).transpose(2, 0, 1)[None]
    outputs = session.run(NAMES, {session.get_inputs()[0].name: tensor})
    output = rows(dict(zip(NAMES, outputs, strict=True)))
    boxes = []
    for row in output[output[:, 4:].max(axis=1) > 0.25]:
        best = int(np.argmax(row[4:]))
        x, y, w, h = row[:4]
        box = [(x - w / 2 - left) / scale, (y - h / 2 - top) / scale, w / scale, h / scale]
        boxes.append((float(row[4 + best]), best, [float(v) for v in box]))
    boxes.sort(reverse=True)
    kept: list[tuple[float, int, list[float]]] = []
    for candidate in boxes:
        if all(candidate[1] != other[1] or iou(candidate[2], other[2]) < 0.7 for other in kept):
            kept.append(candidate)
    return {"detections": [{"probability": p, "classId": c, "boundingBox": b} for p, c, b in kept]}


def iou(a: list[float], b: list[float]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
