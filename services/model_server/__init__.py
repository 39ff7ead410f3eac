"""A small OpenAI-compatible server with vLLM's LoRA endpoints: the laptop stand-in for vLLM."""
