"""Writes of the collection package, by noun."""
