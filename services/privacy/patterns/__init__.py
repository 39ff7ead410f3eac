"""What each kind looks like: tables of patterns, and the checks that tell a number from any other."""
