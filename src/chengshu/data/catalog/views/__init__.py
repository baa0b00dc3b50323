"""Pages of the catalogue: they parse, call a service or a selector, and render."""
