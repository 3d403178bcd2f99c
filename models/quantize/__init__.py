"""Smaller and faster copies of a detector: int8 arithmetic, or weights in half precision."""
