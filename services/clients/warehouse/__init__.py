"""The warehouse client: ClickHouse over HTTP, the same towards a server and the embedded engine."""
