"""What reading image files costs, each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

MOST_SECONDS = 2.0
MOST_BYTES = 250_000_000

# Told to forget its earlier peak, a forked child decodes each file as the service would.
_CHILD = r"""
import gc, io, json, os, re, sys, time
from importlib.util import find_spec
from pathlib import Path
from PIL import Image
from app.errors import SpotterError
from app.service.memory_shares import MOST_DECODING_BYTES
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader

def status(key):
    text = Path("/proc/self/status").read_text()
    return int(re.search(key + r":\s+(\d+)", text)[1]) * 1024

class Recorder(DecodingBudget):
    asked = 0
    def reserve(self, size):
        self.asked = size
        return super().reserve(size)

def cover(size):
    scale = min(1, 640 / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

for form in ("AVIF", "TIFF", "JPEG", "PNG"):
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, form)
    ImageReader(10**6, Recorder(MOST_DECODING_BYTES)).read(out.getvalue(), cover)
if find_spec("pi_heif"):
    import pi_heif
for path in sys.argv[1:]:
    sys.stdout.flush()
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    data = Path(path).read_bytes()
    budget = Recorder(MOST_DECODING_BYTES)
    Path("/proc/self/clear_refs").write_text("5")
    idle, began = status("VmRSS"), time.process_time()
    try:
        picture = ImageReader(50_000_000, budget).read(data, cover)
        outcome, detail = "decoded", f"{picture.size[0]} x {picture.size[1]}"
    except SpotterError as error:
        outcome, detail = type(error).__name__, str(error)
    seconds = time.process_time() - began
    print(json.dumps([path, outcome, detail, seconds, status("VmHWM") - idle, budget.asked]))
    sys.stdout.flush()
    os._exit(0)
"""

measurable = Path("/proc/self/clear_refs").exists()
"""Only Linux can forget a process's peak."""


@dataclass(frozen=True)
class Measured:
    outcome: str
    """"decoded", or the code of the error."""
    detail: str
    seconds: float
    """CPU time of all threads."""
    bytes: int
    """Resident at most, over what was resident before."""
    asked: int
    """Bytes that were set aside for decoding."""

    @property
    def within_the_rule(self) -> bool:
        return self.seconds < MOST_SECONDS and self.bytes < MOST_BYTES


def measure(files: Mapping[str, bytes]) -> dict[str, Measured]:
    """Reads each file with the default limits.

    What seems to be above the rule is measured again, and the smaller figures count: the machine
    may be busy. A file that is above it is so each time.
    """
    found = _measure_once(files)
    above = [name for name, one in found.items() if not one.within_the_rule]
    again = _measure_once({name: files[name] for name in above}) if above else {}
    for name, one in again.items():
        found[name] = replace(
            one,
            seconds=min(one.seconds, found[name].seconds),
            bytes=min(one.bytes, found[name].bytes),
        )
    return found


def _measure_once(files: Mapping[str, bytes]) -> dict[str, Measured]:
    with tempfile.TemporaryDirectory() as folder:
        paths = {str(Path(folder) / str(n)): name for n, name in enumerate(files)}
        for path, name in paths.items():
            Path(path).write_bytes(files[name])
        root = Path(__file__).parent.parent.parent
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, *paths],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{Path(sys.prefix) / 'heif'}"},
        )
    found = {}
    for line in done.stdout.splitlines():
        path, *figures = json.loads(line)
        found[paths[path]] = Measured(*figures)
    assert found.keys() == files.keys(), "a file killed the process that read it"
    return found
