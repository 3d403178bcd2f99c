"""Ultralytics' own predict behind FastAPI."""

import io
import os

from fastapi import FastAPI, File, UploadFile
from PIL import Image
from ultralytics import YOLO

app = FastAPI()
model = YOLO(os.environ["MODEL"], task="detect")


@app.post("/detect")
async def detect(file: UploadFile = File(...)) -> dict:  # type: ignore[type-arg] # noqa: B008
    image = Image.open(io.BytesIO(await file.read())).convert("RGB")
    (result,) = model.predict(image, verbose=False)
    return {"detections": result.boxes.data.tolist()}
