"""Console pages of opening: they parse, call a service or a selector, and render."""
