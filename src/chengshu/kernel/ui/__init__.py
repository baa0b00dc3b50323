"""One design system for every page of the city."""
