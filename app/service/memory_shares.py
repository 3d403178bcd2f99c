"""How the memory that this process may use is divided between requests and decoders."""

import math
from glob import escape
from pathlib import Path

from app.settings import Settings
from app.vision.runtime.limits import usable_memory

MOST_DECODING_BYTES = 1 << 30
"""50 megapixels of every format and a little."""
_LEAST_DECODING_BYTES = 64 << 20
_DECODING_SHARE = 0.75
"""Share of the memory that is left; malloc keeps the rest."""
_LIBRARIES_BYTES = 150_000_000
"""Resident after the start, without a model."""
_COPIES_OF_MODEL = 3
"""The session's weights, the same packed for its kernels, and the tensors of an inference."""
_MOST_BODIES, _LEAST_BODIES = 10, 2
"""Bodies of the greatest size that all requests may hold."""
_BODIES_SHARE = 0.2
"""Share of the memory limit."""


def request_bytes(settings: Settings) -> int:
    """Bytes of bodies and answers that all requests may hold together."""
    fewest, most = (bodies * settings.max_body_bytes for bodies in (_LEAST_BODIES, _MOST_BODIES))
    limit = usable_memory()
    return most if limit is None else min(most, max(fewest, int(_BODIES_SHARE * limit)))


def decoding_bytes(settings: Settings) -> int:
    """Bytes that all decoders may take together: ``SPOTTER_DECODE_MEMORY``, or what is left."""
    if settings.decode_memory:
        return settings.decode_memory
    limit = usable_memory() or math.inf
    model = _COPIES_OF_MODEL * _model_bytes(settings.model)
    left = limit - _LIBRARIES_BYTES - model - request_bytes(settings)
    return int(min(max(_DECODING_SHARE * left, _LEAST_DECODING_BYTES), MOST_DECODING_BYTES))


def _model_bytes(model: Path) -> int:
    """With the weights that exporters write beside a large model, as in ``model.onnx_data``."""
    files = {model, *model.parent.glob(f"{escape(model.name)}*")}
    return sum(file.stat().st_size for file in files)
