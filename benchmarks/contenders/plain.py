"""FastAPI and onnxruntime as tutorials write it: default session, square input, async handler."""

import io
import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, File, UploadFile
from PIL import Image

from benchmarks.contenders.rows import detections

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
    named = dict(zip(NAMES, outputs, strict=True))
    return {"detections": detections(named, left, top, scale)}
