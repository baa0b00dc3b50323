"""Pages and answers of the open-data portal."""
