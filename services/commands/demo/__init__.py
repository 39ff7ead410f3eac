"""The demonstration: real traffic through the whole loop, and a summary that can fail."""
