"""Contracts: events, topics, tables, metric names and configuration. No I/O, imported by everyone."""
