"""Other servers of the same model, each written as its documentation recommends."""
