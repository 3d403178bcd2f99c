"""Makes smaller and faster copies of a detector: int8 arithmetic, or float16 weights."""
