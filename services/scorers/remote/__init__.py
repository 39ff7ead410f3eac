"""Scorers that ask somebody else, over HTTP."""
