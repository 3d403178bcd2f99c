"""What models know of an object beyond its box: one module for each kind of knowledge.

Each module has a class for the rows of all candidates, with ``take`` and ``place``, and one for the
same thing of a single detection.
"""
