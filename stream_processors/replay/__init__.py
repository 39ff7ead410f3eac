"""The log read again by the processors themselves, to see whether they conclude the same."""
