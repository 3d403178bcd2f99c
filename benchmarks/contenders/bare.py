"""The bound: nothing but session.run at one thread, over and over; prints seconds a run."""

import os
import statistics
import sys
import time

import numpy as np
import onnxruntime


def main(model: str, height: int, width: int, seconds: float, core: int) -> None:
    os.sched_setaffinity(0, {core})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    tensor = np.random.default_rng(0).random((1, 3, height, width), dtype=np.float32)
    feed = {session.get_inputs()[0].name: tensor}
    for _ in range(3):
        session.run(None, feed)
    spent = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        session.run(None, feed)
        spent.append(time.perf_counter() - began)
    print(statistics.median(spent), len(spent) / sum(spent))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
