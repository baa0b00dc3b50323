"""Lineage (血缘): from source column through lake, model and interface to application and open field."""
