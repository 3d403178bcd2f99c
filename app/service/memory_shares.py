"""Divides the memory that this process may use between requests and decoders."""

import math
from glob import escape
from pathlib import Path

from app.settings import Settings
from app.vision.runtime.limits import usable_memory

MOST_DECODING_BYTES = 1 << 30
"""Enough for 50 megapixels in any format."""
_LEAST_DECODING_BYTES = 64 << 20
_DECODING_SHARE = 0.75
"""Share of the remaining memory; malloc's overhead takes the rest."""
_LIBRARIES_BYTES = 150_000_000
"""Resident memory after the start, without a model."""
_COPIES_OF_MODEL = 3
"""The session's weights, the weights packed for its kernels, and the tensors of an inference."""
_MOST_BODIES, _LEAST_BODIES = 10, 2
"""Number of bodies of the maximum size that all requests together may hold."""
_BODIES_SHARE = 0.2
"""Share of the memory limit."""


def request_bytes(settings: Settings) -> int:
    """Bytes of bodies and answers that all requests together may hold."""
    fewest, most = (bodies * settings.max_body_bytes for bodies in (_LEAST_BODIES, _MOST_BODIES))
    limit = usable_memory()
    return most if limit is None else min(most, max(fewest, int(_BODIES_SHARE * limit)))


def decoding_bytes(settings: Settings) -> int:
    """Bytes that all decoders together may use: ``SPOTTER_DECODE_MEMORY`` or what is left."""
    if settings.decode_memory:
        return settings.decode_memory
    limit = usable_memory() or math.inf
    model = _COPIES_OF_MODEL * _model_bytes(settings.model)
    left = limit - _LIBRARIES_BYTES - model - request_bytes(settings)
    return int(min(max(_DECODING_SHARE * left, _LEAST_DECODING_BYTES), MOST_DECODING_BYTES))


def _model_bytes(model: Path) -> int:
    """Includes the weights of a large model in a separate file, such as ``model.onnx_data``."""
    files = {model, *model.parent.glob(f"{escape(model.name)}*")}
    return sum(file.stat().st_size for file in files)
