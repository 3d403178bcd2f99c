"""Downloads models and verifies their checksums."""
