"""How Spotter gets onto AWS Lambda; see docs/deploy.md."""
