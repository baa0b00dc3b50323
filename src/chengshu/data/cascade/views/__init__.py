"""Pages of cascading."""
