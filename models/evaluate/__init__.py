"""Measures the accuracy of a detector on a dataset, as COCO does."""
