"""Texts written together: rows that come and go between two steps of one batch, each with an adapter of its own."""
