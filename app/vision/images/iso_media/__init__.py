"""The container of AVIF and HEIC: its structure, its coded frames, and the cost of decoding them.

Everything is determined from the bytes, before a decoder parses, copies or decodes anything.
"""
