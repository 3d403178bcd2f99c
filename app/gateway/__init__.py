"""Turns Lambda's HTTP events into requests: stage paths, size limits, cold-start header."""
