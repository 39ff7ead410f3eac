"""From labelled traffic to a dataset."""
