"""The plain server with OpenVINO's runtime in place of onnxruntime.

OpenVINO computes in bfloat16 if the processor can; PRECISION=f32 forbids it.
"""

import io
import os

import numpy as np
import openvino
from fastapi import FastAPI, File, UploadFile
from PIL import Image

from benchmarks.contenders.rows import rows

app = FastAPI()
hints = {"INFERENCE_PRECISION_HINT": os.environ["PRECISION"]} if "PRECISION" in os.environ else {}
model = openvino.Core().compile_model(os.environ["MODEL"], "CPU", hints)
SIZE = int(os.environ["SIDE"])


@app.post("/detect")
async def detect(file: UploadFile = File(...)) -> dict:  # type: ignore[type-arg] # noqa: B008
    image = Image.open(io.BytesIO(await file.read())).convert("RGB")
    scale = min(SIZE / image.width, SIZE / image.height)
    resized = image.resize((round(image.width * scale), round(image.height * scale)))
    canvas = Image.new("RGB", (SIZE, SIZE), (114, 114, 114))
    canvas.paste(resized, ((SIZE - resized.width) // 2, (SIZE - resized.height) // 2))
    tensor = (np.array(canvas).astype(np.float32) / 255.0).transpose(2, 0, 1)[None]
    outputs = {output.any_name: value for output, value in model([tensor]).items()}
    found = rows(outputs)
    likely = found[found[:, 4:].max(axis=1) > 0.25]
    return {"detections": [[float(value) for value in row[:4]] for row in likely]}
