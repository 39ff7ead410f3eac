"""Feedback given to spoil what is learnt from it: found by who gave it, when, and what the rest says."""
