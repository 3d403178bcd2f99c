"""Decodes what it is sent and says how it went: a process of its own, as it may die of it.

Each file comes on standard input behind its length in four bytes and a byte that is 1 if the
picture is to be drawn on; a line of JSON answers it. The first argument is the seconds of CPU time
that a file may take: one that takes more ends the process by SIGPROF.
"""

import gc
import json
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import SpotterError
from app.service.memory_shares import MOST_DECODING_BYTES
from app.vision.detector import Detector
from app.vision.draw import LONGEST_SIDE
from app.vision.images.formats import FORMATS
from app.vision.images.memory import DecodingBudget, Size
from app.vision.images.reader import ImageReader
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox

MAX_PIXELS = 50_000_000
_MOST_ADDRESSES = 4 << 30
_INPUT = InputSpec(size=(640, 640))
_FORGET_PEAK = "5"
_HEIF_BESIDE = Path(sys.prefix) / "heif"
"""Where ``make install-test`` puts pi_heif, which the server's own environment is without."""


class RecordingBudget(DecodingBudget):
    """Remembers the most that was set aside since ``reserved`` was last set to 0."""

    reserved = 0

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        with super().reserve(size):
            self.reserved = max(self.reserved, size)
            yield


class Judge:
    def __init__(self, most_seconds: float) -> None:
        self.most_seconds = most_seconds
        self.budget = RecordingBudget(MOST_DECODING_BYTES)
        self.reader = ImageReader(MAX_PIXELS, self.budget)
        self.declared: Size | None = None

    def judge(self, data: bytes, *, drawn: bool) -> dict[str, Any]:
        """Decoded as for an answer in JSON, or in pixels if ``drawn``."""
        self.declared, self.budget.reserved = None, 0
        resets = _forget_peak()
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, self.most_seconds)
        outcome = self._outcome(data, self._draw if drawn else self._prepare)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return {
            "outcome": outcome,
            "seconds": time.process_time() - began,
            "peak": _memory("VmHWM"),
            "resets": resets,
            "resident": _memory("VmRSS"),
            "reserved": self.budget.reserved,
            "declared": self.declared,
            "decoders": _decoders(),
        }

    def _outcome(self, data: bytes, work: Callable[[bytes], str]) -> str:
        try:
            return work(data)
        except SpotterError as error:
            return error.code
        except BaseException as error:
            return f"{type(error).__name__}: {error}"[:200]

    def _prepare(self, data: bytes) -> str:
        """Up to the input tensor."""
        plan: Letterbox | None = None

        def cover(size: Size) -> Size:
            nonlocal plan
            self.declared = size
            plan = Letterbox.plan(_INPUT, *size, rectangular=True)
            return plan.content

        picture = self.reader.read(data, cover)
        assert plan is not None
        assert plan.fill(picture.rgb, _INPUT, np.dtype(np.float32)).shape[0] == 1
        width, height = picture.size
        if picture.rgb.mode != "RGB" or not 0 < width * height <= MAX_PIXELS:
            return f"odd picture: {picture}"
        return "decoded"

    def _draw(self, data: bytes) -> str:
        with Detector(None, self.reader).picture(data, LONGEST_SIDE) as picture:  # type: ignore[arg-type]
            self.declared = picture.size
            return "decoded" if picture.rgb.mode == "RGB" else f"odd picture: {picture}"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESSES, _MOST_ADDRESSES))
    if find_spec("pi_heif") is None and _HEIF_BESIDE.is_dir():
        sys.path.append(str(_HEIF_BESIDE))
    _load_decoders()
    judge = Judge(float(sys.argv[1]))
    while length := sys.stdin.buffer.read(4):
        drawn = sys.stdin.buffer.read(1) == b"\1"
        data = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        answer = judge.judge(data, drawn=drawn)
        print(json.dumps(answer), flush=True)  # noqa: T201
        if len(data) > 1_000_000:
            del data
            gc.collect()


def _load_decoders() -> None:
    """All that are allowed, so that the first file of a format does not pay for its import."""
    for each in FORMATS:
        try:
            each.load_decoder()
        except SpotterError:  # HEIC, on a server without it
            continue


def _forget_peak() -> bool:
    """Whether VmHWM counts from now on; some containers do not allow it."""
    try:
        Path("/proc/self/clear_refs").write_text(_FORGET_PEAK)
    except OSError:
        return False
    return True


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
