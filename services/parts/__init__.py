"""What processes are built of."""
