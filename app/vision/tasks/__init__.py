"""Predictions beyond an object's box, with one module for each kind.

Each module has a class for the rows of all candidates, with ``take`` and ``place``, and a class for
a single detection.
"""
