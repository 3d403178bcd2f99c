"""Learning from a stronger detector that processes every training picture as well."""
