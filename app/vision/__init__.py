"""Images in, detections out. Knows nothing of HTTP, AWS or settings."""

import os

# Read by numpy's multiplying of matrices when it is imported. Images are looked at side by side:
# threads of its own would take the cores from the others.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
