"""Measurements: `python -m tests.bench.<name>` prints one JSON line last, its baseline measured in the same run."""
