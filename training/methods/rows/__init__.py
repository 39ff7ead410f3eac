"""What a Trainer is fed: examples as rows of tokens, in the order of the whole training."""
