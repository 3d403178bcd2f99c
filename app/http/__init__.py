"""All else that answers over HTTP, one thin module a surface: FastAPI, imported when it is time."""
