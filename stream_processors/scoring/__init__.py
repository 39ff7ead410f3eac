"""From answers to scores: the safety and quality processors."""
