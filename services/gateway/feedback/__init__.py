"""POST /v1/feedback: what people say of answers, from its body to events."""
