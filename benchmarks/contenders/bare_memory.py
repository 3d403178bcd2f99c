"""Imports what serving needs, creates the session and runs it, without a server.

``python bare_memory.py MODEL FEED PHOTO THREADS RUNS`` prints a line of JSON for each part: its
name and the resident bytes after it; the last one is the peak while THREADS threads decode PHOTO
and run the session RUNS times each. FEED is an .npz file of the inputs.
"""

import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def report(part: str, key: str = "VmRSS") -> None:
    (found,) = re.findall(rf"{key}:\s+(\d+)", _STATUS.read_text())
    print(json.dumps([part, int(found) * 1024]), flush=True)


def main(model: str, feed_file: str, photo: str, threads: int, runs: int) -> None:
    report("Python")
    import numpy as np

    report("numpy")
    import onnxruntime

    report("onnxruntime")
    from PIL import Image

    Image.preinit()
    report("Pillow")
    import fastapi
    import uvicorn  # noqa: F401

    fastapi.FastAPI()
    report("FastAPI and uvicorn")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    report("session")
    feed: dict[str, Any] = dict(np.load(feed_file))

    def work(count: int = runs) -> None:
        for _ in range(count):
            with Image.open(photo) as image:
                image.convert("RGB")
            session.run(None, feed)

    work(1)
    report("first photo")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from now
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    report("under load", "VmHWM")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
