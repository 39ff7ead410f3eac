"""`driftloop scorers`: what scorers there are, and how right they are."""
