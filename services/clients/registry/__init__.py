"""Adapters and how they came to be: their files (artifacts) and their runs and versions (models)."""
