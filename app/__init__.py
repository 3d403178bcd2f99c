"""Spotter: object detection as an HTTP service."""

import os

# onnxruntime sends telemetry unless this is set before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# numpy multiplies matrices with one thread per core unless this is set before it is loaded. Images
# are processed concurrently, so these threads would take CPU from other images.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.6"
