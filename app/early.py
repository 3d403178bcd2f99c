"""Imported before anything else by what uvicorn starts; ``start.end`` belongs after it all."""

from app import startup

start = startup.QuickStart()
