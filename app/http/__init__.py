"""The FastAPI application: its routes, requests and answers."""
