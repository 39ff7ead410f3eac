"""What every process needs to run: logging, a health endpoint, a clean stop."""
