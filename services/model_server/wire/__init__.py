"""OpenAI's calls and answers as they are on the wire."""
