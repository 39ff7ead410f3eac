"""From judged calls to a dataset of conversations, for apps that write."""
