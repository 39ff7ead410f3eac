"""What is known of each app's current step: sums of windows, scored calls, compared pairs, each counted once."""
