"""Answers that are texts: both versions write them, measures say what they are worth, a judge says which is better."""
