"""Tells people: alerts go to their subscribers through an outbox, once for each state, with retries."""
