"""Pages of collection plans."""
