"""Other servers of the same model, each as its own documentation would have it."""
