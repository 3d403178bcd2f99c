"""From an address to a file that is what it should be."""
