"""Which version answers whom."""
