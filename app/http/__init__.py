"""The FastAPI application: its routes, and how they read requests and answer them."""
