"""Which objects of a bucket show a label: the index in the results' table, and questions to it."""
