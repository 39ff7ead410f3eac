"""Methods that tell when a stream has changed. Values in, verdicts out; no clients, no clocks."""
