"""A dataset described for machines: Data Package, Croissant, schema.org."""
