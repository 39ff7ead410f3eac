"""From events to metric windows: the functional processor."""
