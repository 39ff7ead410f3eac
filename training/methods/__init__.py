"""How an adapter is fitted."""
