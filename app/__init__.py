"""Spotter: object detection as an HTTP service."""

import os

# onnxruntime reports its use to its maker unless told otherwise before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
