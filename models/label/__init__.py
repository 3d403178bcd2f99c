"""Labels photos with strong models: ``python -m models.label --help``."""
