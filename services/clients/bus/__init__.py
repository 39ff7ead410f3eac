"""Kafka: the only way in which processes hear of each other."""
