"""`driftloop init`: a driftloop.yaml from flags, questions, and what the upstreams say of themselves."""
