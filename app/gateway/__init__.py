"""Turns Lambda's HTTP events into requests: stage paths, size limits, the first answer."""
