"""One module a revision: r<number>_<what>.py, whose down_revision is the one before."""
