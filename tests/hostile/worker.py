"""Decodes what it is sent and says how it went: a process of its own, as it may die of it.

Each file comes on standard input behind its length in four bytes; a line of JSON answers it.
"""

import gc
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from app.errors import SpotterError
from app.settings import DECODING_BUDGET
from app.vision.detector import Detector
from app.vision.draw import LONGEST_SIDE
from app.vision.images.budget import DecodingBudget
from app.vision.images.memory import Size
from app.vision.images.reader import ImageReader, Picture
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox

MAX_PIXELS = 50_000_000
_MOST_ADDRESSES = 6 << 30
_INPUT = InputSpec(size=(640, 640))


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESSES, _MOST_ADDRESSES))
    reader = ImageReader(MAX_PIXELS, DecodingBudget(DECODING_BUDGET))
    while length := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        began = time.process_time()
        outcome = _outcome(reader, data)
        seconds = time.process_time() - began
        answer = {
            "outcome": outcome,
            "seconds": seconds,
            "peak": _memory("VmHWM"),
            "resident": _memory("VmRSS"),
            "decoders": _decoders(),
        }
        print(json.dumps(answer), flush=True)  # noqa: T201
        if len(data) > 1_000_000:
            del data
            gc.collect()


def _outcome(reader: ImageReader, data: bytes) -> str:
    try:
        picture = _prepared(reader, data)
    except SpotterError as error:
        return error.code
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:200]
    width, height = picture.size
    if picture.rgb.mode != "RGB" or not 0 < width * height <= MAX_PIXELS:
        return f"odd picture: {picture}"
    return "decoded"


def _prepared(reader: ImageReader, data: bytes) -> Picture:
    """Up to the input tensor; and of some the picture to be drawn on."""
    plan: Letterbox | None = None

    def cover(size: Size) -> Size:
        nonlocal plan
        plan = Letterbox.plan(_INPUT, *size, rectangular=True)
        return plan.content

    picture = reader.read(data, cover)
    assert plan is not None
    assert plan.fill(picture.rgb, _INPUT, np.dtype(np.float32)).shape[0] == 1
    if len(data) % 5 == 0:
        with Detector(None, reader).picture(data, LONGEST_SIDE):  # type: ignore[arg-type]
            pass
    return picture


def _memory(kind: str) -> int:
    """Bytes that the kernel counts: VmRSS for now, VmHWM for the most there has been."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{kind}:")[2].split()[0]) * 1024


def _decoders() -> list[str]:
    """Of all that Pillow has, those that were loaded."""
    return sorted(
        name.removeprefix("PIL.").removesuffix("ImagePlugin")
        for name in sys.modules
        if name.startswith("PIL.") and name.endswith("ImagePlugin")
    )


if __name__ == "__main__":
    main()
