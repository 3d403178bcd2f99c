"""Trains a compact detector on a folder of labelled photos: ``python -m models.train --help``."""
