"""What a person runs: the `driftloop` command line and what stands behind its words."""
