"""Label photos by a strong model: ``python -m models.label --help``."""
