"""What answers first, /detect and /healthz, and what all surfaces share: Starlette alone."""
