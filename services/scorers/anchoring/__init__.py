"""Scorer drift told from traffic drift: fixed texts, scored again whenever a scorer shows another version."""
