"""What lies between Lambda's HTTP events and the app: stage paths, limits, the first answer."""
