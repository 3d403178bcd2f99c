"""How good a detector is: its answers to a dataset's photos, measured as COCO does."""
