"""The gallery: every component with sample data, so that pages are built from what is seen here."""
