"""What a change of an entry means to others: who uses it, what breaks, what was said about it."""
