"""The record of each request, and the log, metrics and traces that are made from it."""
