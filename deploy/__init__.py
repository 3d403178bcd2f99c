"""Packages Spotter for AWS Lambda; see docs/deploy.md."""
