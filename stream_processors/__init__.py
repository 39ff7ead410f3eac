"""Faust processors: events in, events out, nothing else written."""
