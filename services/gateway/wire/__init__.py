"""What goes over the wire, read as far as it is understood, edited in place. Pure; nothing here raises."""
