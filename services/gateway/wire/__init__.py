"""What goes over the wire, read as far as it is understood and edited in place. Pure, and total: nothing here raises."""
