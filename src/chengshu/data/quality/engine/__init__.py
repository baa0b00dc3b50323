"""The quality engine: rules become SQL conditions, one scan counts them all. Knows no Django models."""
