"""Spotter: object detection as an HTTP service."""

import os

# onnxruntime reports its use to its maker unless told otherwise before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# numpy multiplies matrices with as many threads as there are cores unless told otherwise before it
# is loaded. Images are looked at side by side: these threads would take the cores from the others.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
