"""Apache Kafka on this machine without Docker: its own Java code from Maven Central, run by the machine's Java."""
