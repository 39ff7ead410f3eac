"""Requests, answers and streams in the dialects of OpenAI's protocol, built from their public references."""
