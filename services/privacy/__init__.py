"""Personal data and secrets: found, masked, counted. Below parts and scorers, so that every process reaches it."""
