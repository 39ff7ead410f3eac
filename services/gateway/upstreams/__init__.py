"""The ways to those who answer: connections, and what comes back on them."""
