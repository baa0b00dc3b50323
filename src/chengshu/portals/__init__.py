"""The faces of the city: citizen, staff, console, cockpit, open data."""
