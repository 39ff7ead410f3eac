"""What instrumentations call things: from a span to the events of one inference."""
