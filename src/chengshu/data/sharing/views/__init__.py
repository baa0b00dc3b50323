"""Console pages of sharing."""
