"""The second demonstration: an app that writes JSON, mended by corrections and thumbs."""
