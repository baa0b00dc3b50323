"""Writes of access requests."""
