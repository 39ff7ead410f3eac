"""Operators' orders: validated here, put on the bus, carried out by the processes that own the matter."""
