"""What is told of a call, and its way onto the spool."""
