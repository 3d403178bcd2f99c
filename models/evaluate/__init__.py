"""Measures the accuracy of a detector on a dataset with COCO's metrics."""
