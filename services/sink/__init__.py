"""Every topic into its table, exactly once. The only writer of the warehouse."""
