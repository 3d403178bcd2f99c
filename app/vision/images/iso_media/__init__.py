"""The container of AVIF and HEIC: its structure, its coded frames, and what decoding them costs.

All of it is told from the bytes alone, before a decoder walks, copies or decodes anything.
"""
