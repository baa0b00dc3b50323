"""Pages of access requests."""
