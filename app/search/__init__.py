"""Searches a bucket's objects by label, with an index in the results' table."""
