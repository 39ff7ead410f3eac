"""From an order to a gated adapter version, one job at a time."""
