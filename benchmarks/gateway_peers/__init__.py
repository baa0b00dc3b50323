"""The servers and the load generator that the gateway benchmark runs beside the gateway."""
