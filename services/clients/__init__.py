"""What reaches others: Kafka, ClickHouse, the registry of adapters, the control store."""
