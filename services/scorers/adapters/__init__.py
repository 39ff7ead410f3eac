"""What the packaged detectors are as scorers: thin, each over one function of the module that does the work."""
