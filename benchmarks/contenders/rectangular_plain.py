"""The plain server as somebody writes it who knows what costs time.

Its input is no larger than the picture's shape needs, a request computes with one thread, and
requests run beside each other in FastAPI's pool of threads.
"""

import io
import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, File, UploadFile
from PIL import Image

from benchmarks.contenders.rows import detections

app = FastAPI()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
NAMES = [output.name for output in session.get_outputs()]
SIZE = int(os.environ["SIDE"])
STRIDE = 32


@app.post("/detect")
def detect(file: UploadFile = File(...)) -> dict:  # type: ignore[type-arg] # noqa: B008
    image = Image.open(io.BytesIO(file.file.read())).convert("RGB")
    scale = min(SIZE / image.width, SIZE / image.height)
    resized = image.resize((round(image.width * scale), round(image.height * scale)))
    width, height = (-(-side // STRIDE) * STRIDE for side in resized.size)
    canvas = Image.new("RGB", (width, height), (114, 114, 114))
    left, top = (width - resized.width) // 2, (height - resized.height) // 2
    canvas.paste(resized, (left, top))
    tensor = (np.array(canvas).astype(np.float32) / 255.0).transpose(2, 0, 1)[None]
    outputs = session.run(NAMES, {session.get_inputs()[0].name: tensor})
    return {"detections": detections(dict(zip(NAMES, outputs, strict=True)), left, top, scale)}
