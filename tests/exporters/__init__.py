"""Real exporters against the collector: `make test-exporters`, and what they once wrote, for `make test`."""
