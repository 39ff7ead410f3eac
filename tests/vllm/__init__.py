"""A real vLLM behind gateway and rollout controller: `make test-vllm`."""
