"""JSON and server-sent events as bytes: read leniently, edited in place."""
