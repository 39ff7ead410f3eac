"""Who may come in: keys in memory, what they allow, what they have used, and the door that asks for them."""
