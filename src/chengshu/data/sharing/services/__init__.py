"""Writes of the sharing package, by noun."""
