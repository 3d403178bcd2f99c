"""One thin module a surface."""
