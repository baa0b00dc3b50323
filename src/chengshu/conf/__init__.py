"""Wiring only: settings, URL map, programs. No decision of the city is made here."""
