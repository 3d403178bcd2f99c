"""Calls session.run in a loop, without a server.

``python bare.py MODEL FEED SECONDS THREADS CORE...`` prints "ready", waits for a line, and prints
the seconds of each run as JSON. FEED is an .npz file of the inputs.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime


def main(model: str, feed_file: str, seconds: float, threads: int, cores: set[int]) -> None:
    os.sched_setaffinity(0, cores)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = dict(np.load(feed_file))
    for _ in range(3):
        session.run(None, feed)
    print("ready", flush=True)
    sys.stdin.readline()
    runs: list[float] = []
    before, began = time.process_time(), time.perf_counter()
    while not runs or time.perf_counter() < began + seconds:
        start = time.perf_counter()
        session.run(None, feed)
        runs.append(time.perf_counter() - start)
    spent, cpu = time.perf_counter() - began, time.process_time() - before
    # ru_maxrss would include the memory of the process that this one was forked from.
    (peak,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    rss = int(peak) * 1024
    print(json.dumps({"runs": runs, "seconds": spent, "cpu": cpu, "rss": rss}), flush=True)


if __name__ == "__main__":
    main(
        sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), set(map(int, sys.argv[5:]))
    )
