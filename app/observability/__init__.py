"""The record of each request, and the log, metrics and traces derived from it."""
