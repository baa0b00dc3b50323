"""Pages of the scan."""
