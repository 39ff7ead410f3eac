"""Apache Kafka on this machine: its own Java code from Maven Central, run by the Java of a wheel."""
