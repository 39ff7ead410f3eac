"""How something is said: refusal, sentiment, toxicity."""
