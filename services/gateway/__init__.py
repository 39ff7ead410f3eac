"""The entrance for inference: OpenAI-compatible outside, adapter versions by rollout weights inside."""
