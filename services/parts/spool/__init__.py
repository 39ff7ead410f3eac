"""A bounded queue of events on disk between a process and Kafka: the process never waits for the broker."""
