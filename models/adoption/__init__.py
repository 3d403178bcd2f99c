"""Determines the description of a model file from its metadata and by running it on photos."""
