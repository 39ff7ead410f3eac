"""The relational control store: what must survive a restart and is neither event nor measurement."""
