"""Images in, detections out. Knows nothing of HTTP, AWS or settings."""
