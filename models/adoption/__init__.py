"""Finds out how a model file has to be described, by what it says and by running it on photos."""
