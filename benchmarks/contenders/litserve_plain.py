"""LitServe with the plain preprocessing and one worker."""

import io
import os
import sys

import litserve
import numpy as np
import onnxruntime
from fastapi import Request
from PIL import Image

from benchmarks.contenders.rows import rows

SIZE = int(os.environ["SIDE"])


class Detect(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"])

    def decode_request(self, request: Request) -> np.ndarray:
        """LitServe passes the fields of a form, although the type has to be named Request."""
        image = Image.open(io.BytesIO(request["file"].file.read())).convert("RGB")
        scale = min(SIZE / image.width, SIZE / image.height)
        resized = image.resize((round(image.width * scale), round(image.height * scale)))
        canvas = Image.new("RGB", (SIZE, SIZE), (114, 114, 114))
        canvas.paste(resized, ((SIZE - resized.width) // 2, (SIZE - resized.height) // 2))
        return (np.array(canvas).astype(np.float32) / 255.0).transpose(2, 0, 1)[None]

    def predict(self, tensor: np.ndarray) -> np.ndarray:
        names = [output.name for output in self.session.get_outputs()]
        outputs = self.session.run(names, {self.session.get_inputs()[0].name: tensor})
        return rows(dict(zip(names, outputs, strict=True)))

    def encode_response(self, found: np.ndarray) -> dict:  # type: ignore[type-arg]
        likely = found[found[:, 4:].max(axis=1) > 0.25]
        return {"detections": [[float(value) for value in row[:4]] for row in likely]}


if __name__ == "__main__":
    server = litserve.LitServer(Detect(api_path="/detect"), accelerator="cpu")
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False)
