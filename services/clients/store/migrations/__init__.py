"""Numbered, append-only changes of the control store's schema."""
