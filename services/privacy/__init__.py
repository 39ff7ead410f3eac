"""Personal data and secrets: found, masked, counted. Pure but for the keys of pseudonyms and the model of names."""
