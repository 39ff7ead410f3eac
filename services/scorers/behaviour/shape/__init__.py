"""What an answer looks like: its form, length, readability, repetitions, and how sure its tokens were."""
